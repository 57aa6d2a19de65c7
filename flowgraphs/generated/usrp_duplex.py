#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: USRP full duplex
# Author: blindlink
# Description: Samples from a pipe to a USRP and from it to a pipe.
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




class usrp_duplex(gr.top_block):

    def __init__(self, fd_in=3, fd_out=4, args='', rate=1e6, freq=915e6, lo_offset=0, ref='internal', tx_gain=0, tx_ant='TX/RX', tx_subdev='', rx_gain=0, rx_ant='RX2', rx_subdev=''):
        gr.top_block.__init__(self, "USRP full duplex", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_in = fd_in
        self.fd_out = fd_out
        self.args = args
        self.rate = rate
        self.freq = freq
        self.lo_offset = lo_offset
        self.ref = ref
        self.tx_gain = tx_gain
        self.tx_ant = tx_ant
        self.tx_subdev = tx_subdev
        self.rx_gain = rx_gain
        self.rx_ant = rx_ant
        self.rx_subdev = rx_subdev

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
        self.usrp_source.set_antenna(rx_ant, 0)
        self.usrp_source.set_gain(rx_gain, 0)
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
        self.usrp_sink.set_antenna(tx_ant, 0)
        self.usrp_sink.set_gain(tx_gain, 0)
        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)
        self.samples_in = blocks.file_descriptor_source(gr.sizeof_gr_complex*1, fd_in, False)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.samples_in, 0), (self.usrp_sink, 0))
        self.connect((self.usrp_source, 0), (self.samples_out, 0))


    def get_fd_in(self):
        return self.fd_in

    def set_fd_in(self, fd_in):
        self.fd_in = fd_in

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
        self.usrp_sink.set_samp_rate(self.rate)
        self.usrp_source.set_samp_rate(self.rate)

    def get_freq(self):
        return self.freq

    def set_freq(self, freq):
        self.freq = freq
        self.usrp_sink.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)
        self.usrp_source.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_lo_offset(self):
        return self.lo_offset

    def set_lo_offset(self, lo_offset):
        self.lo_offset = lo_offset
        self.usrp_sink.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)
        self.usrp_source.set_center_freq(uhd.tune_request(self.freq, self.lo_offset), 0)

    def get_ref(self):
        return self.ref

    def set_ref(self, ref):
        self.ref = ref

    def get_tx_gain(self):
        return self.tx_gain

    def set_tx_gain(self, tx_gain):
        self.tx_gain = tx_gain
        self.usrp_sink.set_gain(self.tx_gain, 0)

    def get_tx_ant(self):
        return self.tx_ant

    def set_tx_ant(self, tx_ant):
        self.tx_ant = tx_ant
        self.usrp_sink.set_antenna(self.tx_ant, 0)

    def get_tx_subdev(self):
        return self.tx_subdev

    def set_tx_subdev(self, tx_subdev):
        self.tx_subdev = tx_subdev

    def get_rx_gain(self):
        return self.rx_gain

    def set_rx_gain(self, rx_gain):
        self.rx_gain = rx_gain
        self.usrp_source.set_gain(self.rx_gain, 0)

    def get_rx_ant(self):
        return self.rx_ant

    def set_rx_ant(self, rx_ant):
        self.rx_ant = rx_ant
        self.usrp_source.set_antenna(self.rx_ant, 0)

    def get_rx_subdev(self):
        return self.rx_subdev

    def set_rx_subdev(self, rx_subdev):
        self.rx_subdev = rx_subdev



def argument_parser():
    description = 'Samples from a pipe to a USRP and from it to a pipe.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-in", dest="fd_in", type=intx, default=3,
        help="Set File descriptor with samples to send [default=%(default)r]")
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
        "--tx-gain", dest="tx_gain", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Gain, dB [default=%(default)r]")
    parser.add_argument(
        "--tx-ant", dest="tx_ant", type=str, default='TX/RX',
        help="Set Antenna [default=%(default)r]")
    parser.add_argument(
        "--tx-subdev", dest="tx_subdev", type=str, default='',
        help="Set Subdevice [default=%(default)r]")
    parser.add_argument(
        "--rx-gain", dest="rx_gain", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Gain, dB [default=%(default)r]")
    parser.add_argument(
        "--rx-ant", dest="rx_ant", type=str, default='RX2',
        help="Set Antenna [default=%(default)r]")
    parser.add_argument(
        "--rx-subdev", dest="rx_subdev", type=str, default='',
        help="Set Subdevice [default=%(default)r]")
    return parser


def main(top_block_cls=usrp_duplex, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_in=options.fd_in, fd_out=options.fd_out, args=options.args, rate=options.rate, freq=options.freq, lo_offset=options.lo_offset, ref=options.ref, tx_gain=options.tx_gain, tx_ant=options.tx_ant, tx_subdev=options.tx_subdev, rx_gain=options.rx_gain, rx_ant=options.rx_ant, rx_subdev=options.rx_subdev)

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
