#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: USRP receive
# Author: blindlink
# Description: Samples from a USRP to a pipe.
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




class usrp_rx(gr.top_block):

    def __init__(self, fd_out=4, args='', rate=1e6, freq=915e6, lo_offset=0, ref='internal', gain=0, ant='RX2', subdev=''):
        gr.top_block.__init__(self, "USRP receive", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_out = fd_out
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

        self.usrp_source = uhd.usrp_source(
            ",".join((args, "")),
            uhd.stream_args(
                cpu_format="fc32",
                otw_format="sc16",
                args='',
                channels=list(range(0,1)),
            ),
        )
        self.usrp_source.set_clock_source(ref, 0)
        self.usrp_source.set_samp_rate(rate)
        # No synchronization enforced.

        self.usrp_source.set_center_freq(uhd.tune_request(freq, lo_offset), 0)
        self.usrp_source.set_antenna(ant, 0)
        self.usrp_source.set_gain(gain, 0)
        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.usrp_source, 0), (self.samples_out, 0))


    def get_fd_out(self):
        return self.fd_out

    def set_fd_out(self, fd_out):
        self.fd_out = fd_out

    def get_args(self):
        return self.args

    def set_args(self, args):
        self.args = args

    def get_rate(self):
        return self.rate

    def set_rate(self, rate):
        self.rate = rate
        self.usrp_source.set_samp_rate(self.rate)

    def get_freq(self):
        return self.freq

    def set_freq(self, freq):
        self.freq = freq
        self.usrp_source.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_lo_offset(self):
        return self.lo_offset

    def set_lo_offset(self, lo_offset):
        self.lo_offset = lo_offset
        self.usrp_source.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_ref(self):
        return self.ref

    def set_ref(self, ref):
        self.ref = ref

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = gain
        self.usrp_source.set_gain(self.gain, 0)

    def get_ant(self):
        return self.ant

    def set_ant(self, ant):
        self.ant = ant
        self.usrp_source.set_antenna(self.ant, 0)

    def get_subdev(self):
        return self.subdev

    def set_subdev(self, subdev):
        self.subdev = subdev



def argument_parser():
    description = 'Samples from a USRP to a pipe.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-out", dest="fd_out", type=intx, default=4,
        help="Set File descriptor for received samples [default=%(default)r]")
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
        "--ant", dest="ant", type=str, default='RX2',
        help="Set Antenna [default=%(default)r]")
    parser.add_argument(
        "--subdev", dest="subdev", type=str, default='',
        help="Set Subdevice [default=%(default)r]")
    return parser


def main(top_block_cls=usrp_rx, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_out=options.fd_out, args=options.args, rate=options.rate, freq=options.freq, lo_offset=options.lo_offset, ref=options.ref, gain=options.gain, ant=options.ant, subdev=options.subdev)

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
