import { HubError } from '../domain/errors.ts';
import type { UploadPack } from './git-exchange.ts';

const notYet = (): never => {
  throw new HubError('NotSupported', 'This hub does not offer this part of git yet.');
};

export const createUploadPack = (): UploadPack => ({ advertise: notYet, serve: notYet });
