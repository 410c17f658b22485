declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** A git object id: 40 lower-case hex digits (SHA-1). */
export type Oid = Branded<string, 'Oid'>;
/** SHA-256 of a large object's bytes: 64 lower-case hex digits. It is a name, never a permission. */
export type Sha256 = Branded<string, 'Sha256'>;
/**
 * A Xet hash as the protocol prints it: 64 hex digits, each 8-byte group of the raw hash printed as one
 * little-endian u64 (Xet specification, "Hashing").
 */
export type XetHash = Branded<string, 'XetHash'>;
/** A public id: 24 lower-case hex digits, never reused. */
export type PublicId = Branded<string, 'PublicId'>;
/** Integer key of a row in `namespaces` (a user or an organization). */
export type NamespaceId = Branded<number, 'NamespaceId'>;
/** Integer key of a row in `repositories`. */
export type RepositoryId = Branded<number, 'RepositoryId'>;

const HEX_40 = /^[0-9a-f]{40}$/;
const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_24 = /^[0-9a-f]{24}$/;

export const isOid = (text: string): text is Oid => HEX_40.test(text);
export const isSha256 = (text: string): text is Sha256 => HEX_64.test(text);
export const isXetHash = (text: string): text is XetHash => HEX_64.test(text);
export const isPublicId = (text: string): text is PublicId => HEX_24.test(text);
