#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: ADALM-Pluto receive
# Author: blindlink
# Description: Samples from an ADALM-Pluto (gr-iio) to a pipe.
# GNU Radio version: 3.10.5.1

from gnuradio import blocks
from gnuradio import gr
from gnuradio.filter import firdes
from gnuradio.fft import window
import sys
import signal
from argparse import ArgumentParser
from gnuradio.eng_arg import eng_float, intx
from gnuradio import eng_notation
from gnuradio import iio




class iio_rx(gr.top_block):

    def __init__(self, fd_out=4, uri='ip:192.168.2.1', rate=1e6, freq=915e6, gain=40):
        gr.top_block.__init__(self, "ADALM-Pluto receive", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_out = fd_out
        self.uri = uri
        self.rate = rate
        self.freq = freq
        self.gain = gain

        ##################################################
        # Blocks
        ##################################################

        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)
        self.pluto_source = iio.fmcomms2_source_fc32(uri if uri else iio.get_pluto_uri(), [True, True], 32768)
        self.pluto_source.set_len_tag_key('packet_len')
        self.pluto_source.set_frequency(int(freq))
        self.pluto_source.set_samplerate(int(rate))
        self.pluto_source.set_gain_mode(0, 'manual')
        self.pluto_source.set_gain(0, gain)
        self.pluto_source.set_quadrature(True)
        self.pluto_source.set_rfdc(True)
        self.pluto_source.set_bbdc(True)
        self.pluto_source.set_filter_params('Auto', "", float(rate)*0.4, float(rate)*0.5)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.pluto_source, 0), (self.samples_out, 0))


    def get_fd_out(self):
        return self.fd_out

    def set_fd_out(self, fd_out):
        self.fd_out = fd_out

    def get_uri(self):
        return self.uri

    def set_uri(self, uri):
        self.uri = uri

    def get_rate(self):
        return self.rate

    def set_rate(self, rate):
        self.rate = rate
        self.pluto_source.set_samplerate(int(self.rate))
        self.pluto_source.set_filter_params('Auto', "", float(self.rate)*0.4, float(self.rate)*0.5)

    def get_freq(self):
        return self.freq

    def set_freq(self, freq):
        self.freq = freq
        self.pluto_source.set_frequency(int(self.freq))

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = gain
        self.pluto_source.set_gain(0, self.gain)



def argument_parser():
    description = 'Samples from an ADALM-Pluto (gr-iio) to a pipe.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-out", dest="fd_out", type=intx, default=4,
        help="Set File descriptor for received samples [default=%(default)r]")
    parser.add_argument(
        "--uri", dest="uri", type=str, default='ip:192.168.2.1',
        help="Set Where the Pluto is [default=%(default)r]")
    parser.add_argument(
        "--rate", dest="rate", type=eng_float, default=eng_notation.num_to_str(float(1e6)),
        help="Set Samples a second [default=%(default)r]")
    parser.add_argument(
        "--freq", dest="freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Centre frequency, Hz [default=%(default)r]")
    parser.add_argument(
        "--gain", dest="gain", type=eng_float, default=eng_notation.num_to_str(float(40)),
        help="Set Gain, dB [default=%(default)r]")
    return parser


def main(top_block_cls=iio_rx, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_out=options.fd_out, uri=options.uri, rate=options.rate, freq=options.freq, gain=options.gain)

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
