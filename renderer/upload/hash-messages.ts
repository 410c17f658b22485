/** What the page and its hashing worker say to each other. */
export type HashRequest =
  | {
      readonly type: 'hash';
      readonly id: number;
      readonly file: Blob;
      /** `git-blob` is the SHA-1 by which git would name the file. */
      readonly algorithm: 'sha256' | 'git-blob';
    }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' };

export type HashAnswer =
  | { readonly type: 'read'; readonly id: number; readonly bytes: number }
  | { readonly type: 'done'; readonly id: number; readonly digest: string }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };
