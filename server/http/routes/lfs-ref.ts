import type { LfsRef } from '../../contract/lfs.ts';
import { HubError } from '../../domain/errors.ts';
import { isRefLike } from '../../domain/revision.ts';

/** Rights are those on the repository, so a ref is not looked up; what could be none is refused all the same. */
export function refuseRef(ref: LfsRef): void {
  if (ref?.name && !isRefLike(ref.name)) {
    throw new HubError('InvalidBody', 'The "ref" cannot be the name of a ref.');
  }
}
