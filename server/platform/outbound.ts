/**
 * The one way out of the hub. Redirects are followed; credentials in `Authorization` stay with the origin they were
 * given for. Whoever holds the data folder says where a call goes; nothing here keeps it from private networks.
 */
export const callOut = (target: string, init: RequestInit): Promise<Response> => fetch(target, init);
