"""Runs GNU Radio's channel blocks on given signals: one JSON list of jobs in, cf32 files out.

usage: gnuradio-channel.py jobs.json
Each job: {"block": name, "args": [...], "input": path, "output": path}. Complex arguments are [re, im] pairs.
"""

import json
import sys

import numpy as np
from gnuradio import blocks, channels, gr


def make(name, args):
    if name == "channel_model":
        noise, frequency, epsilon, taps = args
        return channels.channel_model(noise, frequency, epsilon, [complex(*t) for t in taps], 0, False)
    if name == "iqbal_gen":
        return channels.iqbal_gen(*args)
    if name == "distortion_3_gen":
        return channels.distortion_3_gen(*args)
    if name == "phase_noise_gen":
        return channels.phase_noise_gen(*args)
    if name == "fading_model":
        sinusoids, doppler, seed = args
        return channels.fading_model(sinusoids, doppler, False, 4.0, seed)
    if name == "selective_fading_model":
        sinusoids, doppler, seed, delays, mags = args
        return channels.selective_fading_model(sinusoids, doppler, False, 4.0, seed, delays, mags, len(delays))
    raise SystemExit(f"unknown block {name}")


for job in json.load(open(sys.argv[1])):
    flowgraph = gr.top_block(job["block"], catch_exceptions=False)
    samples = np.fromfile(job["input"], dtype=np.complex64)
    source = blocks.vector_source_c(samples.tolist(), False)
    sink = blocks.vector_sink_c()
    flowgraph.connect(source, make(job["block"], job["args"]), sink)
    flowgraph.run()
    np.array(sink.data(), dtype=np.complex64).tofile(job["output"])
