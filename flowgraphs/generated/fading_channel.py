#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: Fading channel
# Author: blindlink
# Description: Rayleigh or Rice fading paths, then the channel model, between two pipes.
# GNU Radio version: 3.10.5.1

from gnuradio import blocks
from gnuradio import channels
from gnuradio.filter import firdes
from gnuradio import gr
from gnuradio.fft import window
import sys
import signal
from argparse import ArgumentParser
from gnuradio.eng_arg import eng_float, intx
from gnuradio import eng_notation




class fading_channel(gr.top_block):

    def __init__(self, fd_in=3, fd_out=4, noise_voltage=0, freq_offset=0, epsilon=1, taps='1', seed=1, doppler=(1e-5), delays='0,1,3', magnitudes='1,0.6,0.3', rice_factor=0):
        gr.top_block.__init__(self, "Fading channel", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_in = fd_in
        self.fd_out = fd_out
        self.noise_voltage = noise_voltage
        self.freq_offset = freq_offset
        self.epsilon = epsilon
        self.taps = taps
        self.seed = seed
        self.doppler = doppler
        self.delays = delays
        self.magnitudes = magnitudes
        self.rice_factor = rice_factor

        ##################################################
        # Blocks
        ##################################################

        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)
        self.samples_in = blocks.file_descriptor_source(gr.sizeof_gr_complex*1, fd_in, False)
        self.fading = channels.selective_fading_model( 8, doppler, True, (max(rice_factor, 1e-9)), seed, [float(d) for d in delays.split(',')], [float(m) for m in magnitudes.split(',')], (max(16, int(max(float(d) for d in delays.split(','))) + 8)) )
        self.channel_model = channels.channel_model(
            noise_voltage=noise_voltage,
            frequency_offset=freq_offset,
            epsilon=epsilon,
            taps=[complex(tap) for tap in taps.split(',')],
            noise_seed=seed,
            block_tags=False)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.channel_model, 0), (self.samples_out, 0))
        self.connect((self.fading, 0), (self.channel_model, 0))
        self.connect((self.samples_in, 0), (self.fading, 0))


    def get_fd_in(self):
        return self.fd_in

    def set_fd_in(self, fd_in):
        self.fd_in = fd_in

    def get_fd_out(self):
        return self.fd_out

    def set_fd_out(self, fd_out):
        self.fd_out = fd_out

    def get_noise_voltage(self):
        return self.noise_voltage

    def set_noise_voltage(self, noise_voltage):
        self.noise_voltage = noise_voltage
        self.channel_model.set_noise_voltage(self.noise_voltage)

    def get_freq_offset(self):
        return self.freq_offset

    def set_freq_offset(self, freq_offset):
        self.freq_offset = freq_offset
        self.channel_model.set_frequency_offset(self.freq_offset)

    def get_epsilon(self):
        return self.epsilon

    def set_epsilon(self, epsilon):
        self.epsilon = epsilon
        self.channel_model.set_timing_offset(self.epsilon)

    def get_taps(self):
        return self.taps

    def set_taps(self, taps):
        self.taps = taps

    def get_seed(self):
        return self.seed

    def set_seed(self, seed):
        self.seed = seed

    def get_doppler(self):
        return self.doppler

    def set_doppler(self, doppler):
        self.doppler = doppler
        self.fading.set_fDTs(self.doppler)

    def get_delays(self):
        return self.delays

    def set_delays(self, delays):
        self.delays = delays

    def get_magnitudes(self):
        return self.magnitudes

    def set_magnitudes(self, magnitudes):
        self.magnitudes = magnitudes

    def get_rice_factor(self):
        return self.rice_factor

    def set_rice_factor(self, rice_factor):
        self.rice_factor = rice_factor
        self.fading.set_K((max(self.rice_factor, 1e-9)))



def argument_parser():
    description = 'Rayleigh or Rice fading paths, then the channel model, between two pipes.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-in", dest="fd_in", type=intx, default=3,
        help="Set File descriptor with samples to send [default=%(default)r]")
    parser.add_argument(
        "--fd-out", dest="fd_out", type=intx, default=4,
        help="Set File descriptor for received samples [default=%(default)r]")
    parser.add_argument(
        "--noise-voltage", dest="noise_voltage", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Noise voltage: its square is the total variance [default=%(default)r]")
    parser.add_argument(
        "--freq-offset", dest="freq_offset", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Carrier offset, cycles per sample [default=%(default)r]")
    parser.add_argument(
        "--epsilon", dest="epsilon", type=eng_float, default=eng_notation.num_to_str(float(1)),
        help="Set Sampling clock ratio [default=%(default)r]")
    parser.add_argument(
        "--taps", dest="taps", type=str, default='1',
        help="Set Taps, comma separated Python complex numbers [default=%(default)r]")
    parser.add_argument(
        "--seed", dest="seed", type=intx, default=1,
        help="Set Seed of noise and fading [default=%(default)r]")
    parser.add_argument(
        "--doppler", dest="doppler", type=eng_float, default=eng_notation.num_to_str(float((1e-5))),
        help="Set Maximum Doppler frequency over the sampling rate [default=%(default)r]")
    parser.add_argument(
        "--delays", dest="delays", type=str, default='0,1,3',
        help="Set Delays of the paths in samples [default=%(default)r]")
    parser.add_argument(
        "--magnitudes", dest="magnitudes", type=str, default='1,0.6,0.3',
        help="Set Amplitudes of the paths [default=%(default)r]")
    parser.add_argument(
        "--rice-factor", dest="rice_factor", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Rice factor of the first path; 0 is Rayleigh [default=%(default)r]")
    return parser


def main(top_block_cls=fading_channel, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_in=options.fd_in, fd_out=options.fd_out, noise_voltage=options.noise_voltage, freq_offset=options.freq_offset, epsilon=options.epsilon, taps=options.taps, seed=options.seed, doppler=options.doppler, delays=options.delays, magnitudes=options.magnitudes, rice_factor=options.rice_factor)

    def sig_handler(sig=None, frame=None):
        tb.stop()
        tb.wait()

        sys.exit(0)

    signal.signal(signal.SIGINT, sig_handler)
    signal.signal(signal.SIGTERM, sig_handler)

    tb.start()

    tb.wait()


if __name__ == '__main__':
    main()
