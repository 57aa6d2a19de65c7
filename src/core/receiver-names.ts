/** Every receiver, in the order in which they are listed. */
export const receiverNames = [
  'perfect',
  'pilot',
  'blind-em',
  'diffcom',
  'hifi-diffcom',
  'blind-diffcom',
  'blind-hifi',
] as const;

export type ReceiverName = (typeof receiverNames)[number];
