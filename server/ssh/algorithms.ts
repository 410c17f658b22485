/**
 * What the server offers. Every client of the last ten years has some of each: elliptic key exchange (finite-field groups
 * of a safe size would hold the event loop for too long), AES-GCM and AES-CTR with SHA-2 (OpenSSH takes ChaCha20 where it
 * is offered, which costs half as much again and is what CVE-2023-48795 needs), nothing with SHA-1, no compression.
 */
export const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  serverHostKey: ['ssh-ed25519', 'ecdsa-sha2-nistp256'],
  compress: ['none'],
} as const;
