import { z } from 'zod';

const dims = z.array(z.int().min(1));

/** Facts that `blindlink model seal` writes into any card, by file name, and `model check` holds it to. */
export const cardFacts = {
  /** Inputs that anyone can make and what the graph gives for them; see docs/codecs.md. */
  golden: z
    .record(
      z.string(),
      z.strictObject({
        inputs: z.record(z.string(), z.strictObject({ dims, low: z.number(), high: z.number() })),
        outputs: z.record(
          z.string(),
          z.strictObject({ dims, rms: z.number().min(0), values: z.array(z.number()).min(1) }),
        ),
      }),
    )
    .optional(),
  /** Parameters, and multiply–adds of one evaluation at 64×64 (a multiply–add is two FLOPs). */
  cost: z
    .record(
      z.string(),
      z.strictObject({ parameters: z.int(), size: z.tuple([z.int(), z.int()]), multiplyAdds: z.int() }),
    )
    .optional(),
};
