import { entryNotFound, HubError } from '../domain/errors.ts';
import { shown } from '../domain/names.ts';
import { branchRef } from '../domain/revision.ts';
import type { Granted } from './authorize.ts';
import type { Contents } from './contents.ts';
import type { FileBytesReader } from './file-bytes.ts';
import type { TensorHeaders } from './tensor-headers.ts';

/** Of all headers together; those of the largest models have some megabytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Headers of safetensors files as one JSON text, for clients that would else ask for each by itself. */
export interface SafetensorsMetadata {
  /**
   * `{ index: { metadata }, headers: { file: header } }` for an index of the default branch and the files it names, or
   * for one safetensors file. Throws EntryNotFound when a file is absent or not of that format, TooManyItems when the
   * headers are too long together.
   */
  whole(granted: Granted<'read'>, path: string): Promise<Buffer>;
}

export function createSafetensorsMetadata(parts: {
  readonly contents: Contents;
  readonly files: FileBytesReader;
  readonly headers: TensorHeaders;
}): SafetensorsMetadata {
  const { contents, files, headers } = parts;
  return {
    async whole({ repo }, path) {
      const { commit } = await contents.resolve(repo, branchRef(repo.defaultBranch));
      const folder = path.slice(0, path.lastIndexOf('/') + 1);
      const file = await files.find(repo, commit, path);
      const index = path.endsWith('.json')
        ? file && (await headers.index(file))
        : { shards: [path.slice(folder.length)], metadata: null };
      if (!index) throw entryNotFound(shown(path));
      const pieces: Buffer[] = [];
      let length = 0;
      for (const shard of index.shards) {
        const shardFile = await files.find(repo, commit, `${folder}${shard}`);
        const header = shardFile && (await headers.checkedHeader(shardFile));
        if (!header) throw entryNotFound(shown(`${folder}${shard}`));
        length += header.byteLength;
        if (length > MAX_BYTES)
          throw new HubError('TooManyItems', 'The headers of these files are too long together.');
        const name = Buffer.from(`${pieces.length === 0 ? '' : ','}${JSON.stringify(shard)}:`);
        pieces.push(Buffer.concat([name, header]));
      }
      const start = Buffer.from(
        `{"index":${JSON.stringify({ metadata: index.metadata ?? null })},"headers":{`,
      );
      return Buffer.concat([start, ...pieces, Buffer.from('}}')]);
    },
  };
}
