#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: USRP transmit
# Author: blindlink
# Description: Samples from a pipe to a USRP.
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
from gnuradio import uhd
import time




class usrp_tx(gr.top_block):

    def __init__(self, fd_in=3, args='', rate=1e6, freq=915e6, lo_offset=0, ref='internal', gain=0, ant='TX/RX', subdev=''):
        gr.top_block.__init__(self, "USRP transmit", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_in = fd_in
        self.args = args
        self.rate = rate
        self.freq = freq
        self.lo_offset = lo_offset
        self.ref = ref
        self.gain = gain
        self.ant = ant
        self.subdev = subdev

        ##################################################
        # Blocks
        ##################################################

        self.usrp_sink = uhd.usrp_sink(
            ",".join((args, "")),
            uhd.stream_args(
                cpu_format="fc32",
                otw_format="sc16",
                args='',
                channels=list(range(0,1)),
            ),
            "",
        )
        self.usrp_sink.set_clock_source(ref, 0)
        self.usrp_sink.set_samp_rate(rate)
        # No synchronization enforced.

        self.usrp_sink.set_center_freq(uhd.tune_request(freq, lo_offset), 0)
        self.usrp_sink.set_antenna(ant, 0)
        self.usrp_sink.set_gain(gain, 0)
        self.samples_in = blocks.file_descriptor_source(gr.sizeof_gr_complex*1, fd_in, False)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.samples_in, 0), (self.usrp_sink, 0))


    def get_fd_in(self):
        return self.fd_in

    def set_fd_in(self, fd_in):
        self.fd_in = fd_in

    def get_args(self):
        return self.args

    def set_args(self, args):
        self.args = args

    def get_rate(self):
        return self.rate

    def set_rate(self, rate):
        self.rate = rate
        self.usrp_sink.set_samp_rate(self.rate)

    def get_freq(self):
        return self.freq

    def set_freq(self, freq):
        self.freq = freq
        self.usrp_sink.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_lo_offset(self):
        return self.lo_offset

    def set_lo_offset(self, lo_offset):
        self.lo_offset = lo_offset
        self.usrp_sink.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_ref(self):
        return self.ref

    def set_ref(self, ref):
        self.ref = ref

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = gain
        self.usrp_sink.set_gain(self.gain, 0)

    def get_ant(self):
        return self.ant

    def set_ant(self, ant):
        self.ant = ant
        self.usrp_sink.set_antenna(self.ant, 0)

    def get_subdev(self):
        return self.subdev

    def set_subdev(self, subdev):
        self.subdev = subdev



def argument_parser():
    description = 'Samples from a pipe to a USRP.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-in", dest="fd_in", type=intx, default=3,
        help="Set File descriptor with samples to send [default=%(default)r]")
    parser.add_argument(
        "--args", dest="args", type=str, default='',
        help="Set UHD device arguments [default=%(default)r]")
    parser.add_argument(
        "--rate", dest="rate", type=eng_float, default=eng_notation.num_to_str(float(1e6)),
        help="Set Samples a second [default=%(default)r]")
    parser.add_argument(
        "--freq", dest="freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Centre frequency, Hz [default=%(default)r]")
    parser.add_argument(
        "--lo-offset", dest="lo_offset", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set LO offset, Hz [default=%(default)r]")
    parser.add_argument(
        "--ref", dest="ref", type=str, default='internal',
        help="Set Clock source [default=%(default)r]")
    parser.add_argument(
        "--gain", dest="gain", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Gain, dB [default=%(default)r]")
    parser.add_argument(
        "--ant", dest="ant", type=str, default='TX/RX',
        help="Set Antenna [default=%(default)r]")
    parser.add_argument(
        "--subdev", dest="subdev", type=str, default='',
        help="Set Subdevice [default=%(default)r]")
    return parser


def main(top_block_cls=usrp_tx, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_in=options.fd_in, args=options.args, rate=options.rate, freq=options.freq, lo_offset=options.lo_offset, ref=options.ref, gain=options.gain, ant=options.ant, subdev=options.subdev)

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
