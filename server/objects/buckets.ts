import { Client } from 'minio';
import { HubError } from '../domain/errors.ts';

export interface BucketOptions {
  /** Such as `http://127.0.0.1:9000`; absent for Amazon's own of the region. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly pathStyle?: boolean;
}

/**
 * Make the bucket unless it exists.
 *
 * @throws HubError Unavailable when the server does not answer, refuses the keys, or refuses to make the bucket.
 */
export async function ensureBucket(options: BucketOptions): Promise<void> {
  const endpoint = new URL(options.endpoint ?? `https://s3.${options.region}.amazonaws.com`);
  const client = new Client({
    endPoint: endpoint.hostname,
    useSSL: endpoint.protocol === 'https:',
    ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
    region: options.region,
    accessKey: options.accessKeyId,
    secretKey: options.secretAccessKey,
    pathStyle: options.pathStyle ?? true,
  });
  try {
    if (await client.bucketExists(options.bucket)) return;
    await client.makeBucket(options.bucket, options.region);
  } catch (error) {
    if (isOurs(error)) return;
    throw new HubError('Unavailable', `The bucket "${options.bucket}" is not there and could not be made.`, {
      cause: error,
    });
  }
}

/** Another start of ours made it in between. */
const isOurs = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'BucketAlreadyOwnedByYou';
