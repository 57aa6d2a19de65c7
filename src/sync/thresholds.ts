/** M above which a position becomes a candidate: white noise passes it with probability p, (1−M)^(L−2) = p. */
export function candidateThreshold(halfLength: number, probability: number): number {
  return 1 - probability ** (1 / (halfLength - 2));
}

/**
 * q with P(Q > q) = p where Q, the share of a noise vector's energy that lies in `dimensions` out of `total` complex
 * dimensions, is Beta(dimensions, total − dimensions): P(Q > q) = Σ_{j < dimensions} C(total−1, j) q^j (1−q)^(total−1−j).
 */
export function energyShareThreshold(dimensions: number, total: number, probability: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 60; i++) {
    const q = (low + high) / 2;
    if (tail(dimensions, total, q) > probability) low = q;
    else high = q;
  }
  return high;
}

function tail(dimensions: number, total: number, q: number): number {
  if (q <= 0) return 1;
  if (q >= 1) return 0;
  let logTerm = (total - 1) * Math.log1p(-q);
  let sum = 0;
  for (let j = 0; j < dimensions; j++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((total - 1 - j) / (j + 1)) + Math.log(q) - Math.log1p(-q);
  }
  return sum;
}
