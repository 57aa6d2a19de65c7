/** A preamble that was found. */
export interface PreambleDetection {
  /** First sample of the preamble (of its cyclic prefix), counted from the start of the stream. */
  readonly startSample: number;
  readonly cfoSubcarriers: number;
  /** 2π·cfoSubcarriers / N: what `correctCfo` takes out. */
  readonly cfoRadPerSample: number;
  /** Schmidl–Cox M, averaged over the plateau, 0…1. */
  readonly metric: number;
  /** Share of the received energy explained by the known preamble, 0…1. */
  readonly correlation: number;
  /** Mean power of an active resource element over σ², in dB. */
  readonly snrDb: number;
  /** σ² per complex sample = per cell. */
  readonly noiseVariance: number;
}

/** Why nothing was found, or how near the search came. Positions count from the start of the stream. */
export interface SyncDiagnosis {
  readonly verdict: 'no-samples' | 'no-candidate' | 'candidates-rejected' | 'found';
  readonly samplesSearched: number;
  readonly detections: number;
  readonly candidates: number;
  readonly bestMetric: number;
  readonly bestMetricSample: number;
  readonly candidateThreshold: number;
  readonly bestCorrelation: number;
  readonly bestCorrelationSample: number;
  readonly correlationThreshold: number;
  /** What `bestMetric` would mean if it were a preamble: ρ/(1−ρ), ρ = √M. */
  readonly snrGuessDb: number;
}
