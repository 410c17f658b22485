/** The curves of ECDSA keys of SSH (RFC 5656, 10.1), y² = x³ - 3x + b over the integers modulo p (SP 800-186). */
const CURVES = {
  nistp256: {
    bytes: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8_aa3a93e7_b3ebbd55_769886bc_651d06b0_cc53b0f6_3bce3c3e_27d2604bn,
  },
  nistp384: {
    bytes: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7_e23ee7e4_988e056b_e3f82d19_181d9c6e_fe814112_0314088f_5013875a_c656398d_8a2ed19d_2a85c8ed_d3ec2aefn,
  },
  nistp521: {
    bytes: 66,
    p: 2n ** 521n - 1n,
    b: 0x0051_953eb961_8e1c9a1f_929a21a0_b68540ee_a2da725b_99b315f3_b8b48991_8ef109e1_56193951_ec7e937b_1652c0bd_3bb1bf07_3573df88_3d2c34f1_ef451fd4_6b503f00n,
  },
} as const;

export type CurveName = keyof typeof CURVES;

const UNCOMPRESSED = 0x04;

/** Whether these bytes are an uncompressed point of the curve (SEC 1, 2.3.3); the point at infinity is none. */
export function isOnCurve(name: CurveName, point: Uint8Array): boolean {
  const { bytes, p, b } = CURVES[name];
  if (point.byteLength !== 1 + 2 * bytes || point[0] !== UNCOMPRESSED) return false;
  const x = bigEndian(point.subarray(1, 1 + bytes));
  const y = bigEndian(point.subarray(1 + bytes));
  if (x >= p || y >= p) return false;
  return modulo(y * y - (x * x * x - 3n * x + b), p) === 0n;
}

const P25519 = 2n ** 255n - 19n;
const D25519 = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/**
 * Whether these 32 bytes are a point of edwards25519 (RFC 8032, 5.1.3) that can be a key: those of small order cannot,
 * for signatures of them are anybody's.
 */
export function isEdwardsPoint(encoded: Uint8Array): boolean {
  const littleEndian = bigEndian(encoded.toReversed());
  const y = littleEndian & ((1n << 255n) - 1n);
  if (y >= P25519) return false;
  // -x² + y² = 1 + d·x²·y², so x² = (y² - 1) / (d·y² + 1): a square times the inverse of one is as good as a quotient.
  const y2 = modulo(y * y, P25519);
  const over = modulo(y2 - 1n, P25519);
  const under = modulo(D25519 * y2 + 1n, P25519);
  if (power(modulo(over * under, P25519), (P25519 - 1n) / 2n, P25519) !== 1n) return false;
  return !hasSmallOrder(modulo(over * power(under, P25519 - 2n, P25519), P25519), y2);
}

/** Of order 8 at most: doubled twice, one of its coordinates is zero. Told by the squares of both. */
function hasSmallOrder(x2: bigint, y2: bigint): boolean {
  const p = P25519;
  // Doubling: x' = 2xy / (y² - x²), y' = (y² + x²) / (2 - y² + x²); only squares of them are needed.
  const divide = (over: bigint, under: bigint): bigint => modulo(over * power(under, p - 2n, p), p);
  const double = ([u, v]: readonly [bigint, bigint]): readonly [bigint, bigint] => [
    divide(4n * u * v, modulo((v - u) ** 2n, p)),
    divide(modulo((v + u) ** 2n, p), modulo((2n - v + u) ** 2n, p)),
  ];
  return double(double([x2, y2]))[0] === 0n;
}

const modulo = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = modulo(base, modulus);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function bigEndian(bytes: Uint8Array): bigint {
  let hex = '0';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(`0x${hex}`);
}
