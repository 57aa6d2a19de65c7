/** A setting that the live page may change while the link runs, and how a form shows it. */
export type SteerableSetting = SteerableNumber | SteerableChoice;

interface Steerable {
  /** In the configuration: `receiver.blindHifi.perception`, or `receiver.options.NAME.…` of a receiver from elsewhere. */
  readonly path: string;
  /** A few words. */
  readonly label: string;
}

export interface SteerableNumber extends Steerable {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly unit?: string;
  /** With a slider. */
  readonly range?: boolean;
  /** What an empty input means; without it a number must stand there. */
  readonly optional?: string;
}

export interface SteerableChoice extends Steerable {
  readonly kind: 'choice';
  readonly choices: readonly string[];
}
