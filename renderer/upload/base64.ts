/** Base64 of a blob's bytes. The file reader does it natively and without a copy per byte. */
export function toBase64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      const url = String(reader.result);
      resolve(url.slice(url.indexOf(',') + 1));
    };
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'));
    // An empty blob has the URL "data:" without any comma.
    if (blob.size === 0) resolve('');
    else reader.readAsDataURL(blob);
  });
}
