import type { Session } from 'electron';

/** The one thing pages may ask for: to put text they show on the clipboard. */
const granted = 'clipboard-sanitized-write';

/** Denies every permission, device and capture but {@link granted}, whichever way a page asks for it. */
export function restrictSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === granted));
  session.setPermissionCheckHandler((_contents, permission) => permission === granted);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => answer({}));
}
