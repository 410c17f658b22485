import { HubError, isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { parseWritablePath, shown } from '../domain/names.ts';
import type { ObjectProblem } from './object-checks.ts';
import type { GitObjectType } from './object-storage.ts';

/** Something wrong with one object; where it lies is found out when everything is resolved. */
export interface PackFault {
  readonly oid: Oid | undefined;
  readonly type: GitObjectType;
  readonly problem: ObjectProblem;
}

/** What is wrong with an object, and where it lies, as one sentence. */
export function sentenceOf({ oid, type, problem }: PackFault, path?: string): HubError {
  const { text, entry, isSize = false, isName = false } = problem;
  if (isSize && type === 'blob') {
    return new HubError('UseLfs', `${path === undefined ? 'A file' : `The file "${shown(path)}"`} ${text}.`);
  }
  if (isName && entry !== undefined) {
    try {
      parseWritablePath(path === undefined ? entry : `${path}/${entry}`);
    } catch (error) {
      if (isHubError(error)) return new HubError('InvalidObject', error.message);
      throw error;
    }
  }
  const what = `${type}${oid === undefined ? '' : ` ${oid}`}${path === undefined ? '' : ` ("${shown(path)}")`}`;
  const about = entry === undefined ? '' : `: "${shown(entry)}"`;
  return new HubError('InvalidObject', `The ${what} ${text}${about}.`);
}
