/**
 * Names and shapes of the tensors in public checkpoints, as their code's modules are nested: what the exporters must take.
 * Sizes are parameters, so that tests can be small.
 */
export type Tensors = Record<string, readonly number[] | { readonly values: readonly number[] }>;

const linear = (name: string, inputs: number, outputs: number): Tensors => ({
  [`${name}.weight`]: [outputs, inputs],
  [`${name}.bias`]: [outputs],
});

const norm = (name: string, width: number): Tensors => ({ [`${name}.weight`]: [width], [`${name}.bias`]: [width] });

const conv = (name: string, inputs: number, outputs: number, kernel: number): Tensors => ({
  [`${name}.weight`]: [outputs, inputs, kernel, kernel],
  [`${name}.bias`]: [outputs],
});

const deconv = (name: string, inputs: number, outputs: number, kernel: number): Tensors => ({
  [`${name}.weight`]: [inputs, outputs, kernel, kernel],
  [`${name}.bias`]: [outputs],
});

const merge = (...parts: readonly Tensors[]): Tensors => Object.assign({}, ...parts) as Tensors;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** As DiffCom's ADJSCC checkpoints name them, before its loader renames `Encoder` and `Decoder`. */
export function adjsccTensors(width: number, latents: number): Tensors {
  const hidden = Math.floor((width + 1) / 16);
  const attention = (name: string): Tensors =>
    merge(linear(`${name}.fc1`, width + 1, hidden), linear(`${name}.fc2`, hidden, width));
  const gdn = (name: string, channels: number): Tensors => ({
    [`${name}.beta`]: [channels],
    [`${name}.gamma`]: [channels, channels],
  });
  const encoder = [3, width, width, width].map((inputs, i) =>
    merge(
      conv(`Encoder.conv_block${i + 1}.0`, inputs, width, i === 0 ? 9 : 5),
      gdn(`Encoder.conv_block${i + 1}.1`, width),
      { [`Encoder.conv_block${i + 1}.2.weight`]: [1] },
      attention(`Encoder.attention${i + 1}`),
    ),
  );
  const decoder = [latents, width, width, width, width].map((inputs, i) =>
    merge(
      deconv(`Decoder.upconv_block${i + 1}.0`, inputs, width, i === 4 ? 9 : 5),
      gdn(`Decoder.upconv_block${i + 1}.1`, width),
      { [`Decoder.upconv_block${i + 1}.2.weight`]: [1] },
      attention(`Decoder.attention${i + 1}`),
    ),
  );
  return merge(
    ...encoder,
    conv('Encoder.conv_block5.0', width, latents, 5),
    gdn('Encoder.conv_block5.1', latents),
    ...decoder,
    conv('Decoder.conv_block_out.1', width, 3, 7),
    { 'distortion_loss.window': [1, 1, 11] },
  );
}

/** As chunbaobao/Deep-JSCC-PyTorch names them. */
export const deepjsccTensors = (latents: number): Tensors =>
  merge(
    ...[3, 16, 32, 32, 32].map((inputs, i) =>
      merge(conv(`encoder.conv${i + 1}.conv`, inputs, [16, 32, 32, 32, latents][i], 5), {
        [`encoder.conv${i + 1}.prelu.weight`]: [1],
      }),
    ),
    ...[latents, 32, 32, 32, 16].map((inputs, i) =>
      merge(
        deconv(`decoder.tconv${i + 1}.transconv`, inputs, [32, 32, 32, 16, 3][i], 5),
        i < 4 ? { [`decoder.tconv${i + 1}.activate.weight`]: [1] } : {},
      ),
    ),
  );

const attentionTable = (name: string, window: number, heads: number): Tensors => ({
  [`${name}.relative_position_bias_table`]: [(2 * window - 1) ** 2, heads],
  [`${name}.relative_position_index`]: { values: range(window ** 4).fill(0) },
});

const mlp = (name: string, width: number, hidden: number): Tensors =>
  merge(linear(`${name}.fc1`, width, hidden), linear(`${name}.fc2`, hidden, width));

const swinBlock = (name: string, width: number, window: number, heads: number, hidden: number): Tensors =>
  merge(
    norm(`${name}.norm1`, width),
    attentionTable(`${name}.attn`, window, heads),
    linear(`${name}.attn.qkv`, width, 3 * width),
    linear(`${name}.attn.proj`, width, width),
    norm(`${name}.norm2`, width),
    mlp(`${name}.mlp`, width, hidden),
  );

/** Seven modulators between eight linear layers, as channel and rate ModNet have them. */
function modNet(prefix: string, suffix: string, width: number): Tensors {
  const hidden = Math.floor(1.5 * width);
  return merge(
    ...range(8).map((i) =>
      linear(`${prefix}.sm_list${suffix}.${i}`, i === 0 ? width : hidden, i === 7 ? width : hidden),
    ),
    ...range(7).flatMap((i) =>
      [0, 2, 4].map((layer) => linear(`${prefix}.bm_list${suffix}.${i}.fc.${layer}`, layer === 0 ? 1 : hidden, hidden)),
    ),
  );
}

export interface SwinShape {
  /** Of the encoder's stages; the decoder has them the other way round. */
  readonly widths: readonly number[];
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly window: number;
  /** Bottleneck dimension; null with rate adaptation. */
  readonly latents: number | null;
  /** Two ModNets in the encoder, as SA and RA together have. */
  readonly both: boolean;
}

/** As semcomm/SwinJSCC names them. */
export function swinTensors({ widths, depths, heads, window, latents, both }: SwinShape): Tensors {
  const last = widths[widths.length - 1];
  const blocks = (name: string, i: number): Tensors =>
    merge(
      ...range(depths[i]).map((j) =>
        merge(
          swinBlock(`${name}.blocks.${j}`, widths[i], window, heads[i], 4 * widths[i]),
          j % 2 === 1 ? { [`${name}.blocks.${j}.attn_mask`]: [4, window ** 2, window ** 2] } : {},
        ),
      ),
    );
  const encoder = widths.map((width, i) => {
    const name = `encoder.layers.${i}`;
    if (i === 0) return blocks(name, i);
    const merged = 4 * widths[i - 1];
    return merge(blocks(name, i), norm(`${name}.downsample.norm`, merged), {
      [`${name}.downsample.reduction.weight`]: [width, merged],
    });
  });
  const decoder = widths.map((width, i) => {
    const name = `decoder.layers.${widths.length - 1 - i}`;
    return merge(blocks(name, i), norm(`${name}.upsample.norm`, width), {
      [`${name}.upsample.increment.weight`]: [4 * (i === 0 ? 3 : widths[i - 1]), width],
    });
  });
  return merge(
    conv('encoder.patch_embed.proj', 3, widths[0], 2),
    ...encoder,
    norm('encoder.norm', last),
    latents === null ? {} : linear('encoder.head_list', last, latents),
    modNet('encoder', '', last),
    both ? modNet('encoder', '1', last) : {},
    ...decoder,
    latents === null ? {} : linear('decoder.head_list', latents, last),
    modNet('decoder', '', last),
  );
}

export interface NtsccShape {
  readonly n: number;
  readonly m: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly kernel: number;
  /** Of the hyperprior's windows; half of the others', rounded down, as published. */
  readonly hyperKernel: number;
  readonly rates: readonly number[];
  readonly swinDepth: number;
  readonly swinHeads: number;
}

/** As wsxtyrdd/NTSCC_plus names them, with CompressAI's entropy models. */
export function ntsccTensors({
  n,
  m,
  depths,
  heads,
  kernel,
  hyperKernel,
  rates,
  swinDepth,
  swinHeads,
}: NtsccShape): Tensors {
  const middle = Math.floor((3 * n) / 2);
  const group = (name: string, width: number, stage: number, k: number): Tensors =>
    merge(
      ...range(depths[stage]).map((i) => {
        const block = `ntc.${name}.residual_group.blocks.${i}`;
        return merge(
          norm(`${block}.norm1`, width),
          { [`${block}.attn.rpb`]: [heads[stage], 2 * k - 1, 2 * k - 1] },
          linear(`${block}.attn.qkv`, width, 3 * width),
          linear(`${block}.attn.proj`, width, width),
          norm(`${block}.norm2`, width),
          mlp(`${block}.mlp`, width, 2 * width),
        );
      }),
    );
  const most = Math.max(...rates);
  const layer = (name: string): Tensors =>
    merge(...range(swinDepth).map((i) => swinBlock(`${name}.blocks.${i}`, m, 4, swinHeads, 2 * m)));
  const context = (name: string): Tensors =>
    merge(
      ...range(swinDepth).map((i) => {
        const block = `${name}.crs_blocks.${i}`;
        return merge(
          swinBlock(`${name}.slf_blocks.${i}`, m, 4, swinHeads, 2 * m),
          ...['norm1', 'norm2', 'norm3'].map((part) => norm(`${block}.${part}`, m)),
          attentionTable(`${block}.attn`, 4, swinHeads),
          linear(`${block}.attn.q`, m, m),
          linear(`${block}.attn.kv`, m, 2 * m),
          linear(`${block}.attn.proj`, m, m),
          mlp(`${block}.mlp`, m, 2 * m),
        );
      }),
    );
  const [ten, eight] = [10, 8].map((share) => Math.floor((m * share) / 3));
  return merge(
    conv('ntc.g_a0', 3, n, 5),
    group('g_a1', n, 0, kernel),
    conv('ntc.g_a2', n, middle, 3),
    group('g_a3', middle, 1, kernel),
    conv('ntc.g_a4', middle, 2 * n, 3),
    group('g_a5', 2 * n, 2, kernel),
    conv('ntc.g_a6', 2 * n, m, 3),
    group('g_a7', m, 3, kernel),
    conv('ntc.h_a0', m, middle, 3),
    group('h_a1', middle, 4, hyperKernel),
    conv('ntc.h_a2', middle, middle, 3),
    group('h_a3', middle, 5, hyperKernel),
    group('h_s0', middle, 5, hyperKernel),
    deconv('ntc.h_s1', middle, middle, 3),
    group('h_s2', middle, 4, hyperKernel),
    deconv('ntc.h_s3', middle, 2 * m, 3),
    group('g_s0', m, 3, kernel),
    deconv('ntc.g_s1', m, 2 * n, 3),
    group('g_s2', 2 * n, 2, kernel),
    deconv('ntc.g_s3', 2 * n, middle, 3),
    group('g_s4', middle, 1, kernel),
    deconv('ntc.g_s5', middle, n, 3),
    group('g_s6', n, 0, kernel),
    deconv('ntc.g_s7', n, 3, 5),
    {
      'ntc.entropy_bottleneck.quantiles': [middle, 1, 3],
      'ntc.entropy_bottleneck._matrix0': [middle, 3, 1],
      'ntc.entropy_bottleneck._quantized_cdf': { values: [0] },
      'ntc.gaussian_conditional.scale_bound': [1],
      'ntc.sc_transform.mask': [2 * m, m, 5, 5],
    },
    conv('ntc.sc_transform', m, 2 * m, 5),
    conv('ntc.entropy_parameters.0', 4 * m, ten, 1),
    conv('ntc.entropy_parameters.2', ten, eight, 1),
    conv('ntc.entropy_parameters.4', eight, 2 * m, 1),
    ...['f_e0', 'f_d0', 'f_list.0', 'f_list.1', 'trans_sep_enc', 'trans_sep_dec'].map(layer),
    ...['trans_ctx_enc', 'trans_ctx_dec'].map(context),
    {
      rate_choice_tensor: { values: rates },
      'rate_adaption_enc.rate_choice_tensor': { values: rates },
      'rate_adaption_enc.mask': { values: [0] },
      'rate_adaption_enc.weight': [rates.length, m, most],
      'rate_adaption_enc.bias': [rates.length, most],
      'rate_adaption_dec.weight': [rates.length, most, m],
      'rate_adaption_dec.bias': [rates.length, m],
      rate_token_enc: [rates.length, m],
      rate_token_dec: [rates.length, m],
    },
  );
}

export interface AdmShape {
  readonly channels: number;
  readonly blocks: number;
  readonly mult: readonly number[];
  /** Down-samplings at which there is attention. */
  readonly attention: readonly number[];
}

/** As guided-diffusion names them: learned variance, scale–shift normalisation, re-sampling in residual blocks. */
export function admTensors({ channels, blocks, mult, attention }: AdmShape): Tensors {
  const embedding = 4 * channels;
  const residual = (name: string, inputs: number, outputs: number): Tensors =>
    merge(
      norm(`${name}.in_layers.0`, inputs),
      conv(`${name}.in_layers.2`, inputs, outputs, 3),
      linear(`${name}.emb_layers.1`, embedding, 2 * outputs),
      norm(`${name}.out_layers.0`, outputs),
      conv(`${name}.out_layers.3`, outputs, outputs, 3),
      inputs === outputs ? {} : conv(`${name}.skip_connection`, inputs, outputs, 1),
    );
  const attend = (name: string, width: number): Tensors =>
    merge(norm(`${name}.norm`, width), {
      [`${name}.qkv.weight`]: [3 * width, width, 1],
      [`${name}.qkv.bias`]: [3 * width],
      [`${name}.proj_out.weight`]: [width, width, 1],
      [`${name}.proj_out.bias`]: [width],
    });
  const parts: Tensors[] = [
    linear('time_embed.0', channels, embedding),
    linear('time_embed.2', embedding, embedding),
    conv('input_blocks.0.0', 3, mult[0] * channels, 3),
  ];
  let width = mult[0] * channels;
  let index = 1;
  const skips = [width];
  mult.forEach((factor, level) => {
    for (let i = 0; i < blocks; i++, index++) {
      parts.push(residual(`input_blocks.${index}.0`, width, factor * channels));
      width = factor * channels;
      if (attention.includes(2 ** level)) parts.push(attend(`input_blocks.${index}.1`, width));
      skips.push(width);
    }
    if (level === mult.length - 1) return;
    parts.push(residual(`input_blocks.${index++}.0`, width, width));
    skips.push(width);
  });
  parts.push(residual('middle_block.0', width, width), attend('middle_block.1', width));
  parts.push(residual('middle_block.2', width, width));
  index = 0;
  for (let level = mult.length - 1; level >= 0; level--) {
    for (let i = 0; i <= blocks; i++, index++) {
      parts.push(residual(`output_blocks.${index}.0`, width + (skips.pop() ?? 0), mult[level] * channels));
      width = mult[level] * channels;
      const attends = attention.includes(2 ** level);
      if (attends) parts.push(attend(`output_blocks.${index}.1`, width));
      if (level > 0 && i === blocks) parts.push(residual(`output_blocks.${index}.${attends ? 2 : 1}`, width, width));
    }
  }
  return merge(...parts, norm('out.0', width), conv('out.2', width, 6, 3));
}
