#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: SoapySDR receive
# Author: blindlink
# Description: Samples from any SoapySDR device (RTL-SDR, HackRF, Pluto, LimeSDR) to a pipe.
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
from gnuradio import soapy




class soapy_rx(gr.top_block):

    def __init__(self, fd_out=4, driver='rtlsdr', args='', rate=1e6, freq=915e6, gain=20, ant='RX'):
        gr.top_block.__init__(self, "SoapySDR receive", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_out = fd_out
        self.driver = driver
        self.args = args
        self.rate = rate
        self.freq = freq
        self.gain = gain
        self.ant = ant

        ##################################################
        # Blocks
        ##################################################

        self.soapy_source = None
        dev = 'driver=' + driver
        stream_args = ''
        tune_args = ['']
        settings = ['']
        self.soapy_source = soapy.source(dev, "fc32",
                                  1, args,
                                  stream_args, tune_args, settings)
        self.soapy_source.set_sample_rate(0, rate)
        self.soapy_source.set_bandwidth(0, 0)
        self.soapy_source.set_antenna(0, ant)
        self.soapy_source.set_frequency(0, freq)
        self.soapy_source.set_frequency_correction(0, 0)
        self.soapy_source.set_gain_mode(0, False)
        self.soapy_source.set_gain(0, gain)
        self.soapy_source.set_dc_offset_mode(0, True)
        self.soapy_source.set_dc_offset(0, 0)
        self.soapy_source.set_iq_balance(0, 0)
        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.soapy_source, 0), (self.samples_out, 0))


    def get_fd_out(self):
        return self.fd_out

    def set_fd_out(self, fd_out):
        self.fd_out = fd_out

    def get_driver(self):
        return self.driver

    def set_driver(self, driver):
        self.driver = driver

    def get_args(self):
        return self.args

    def set_args(self, args):
        self.args = args

    def get_rate(self):
        return self.rate

    def set_rate(self, rate):
        self.rate = rate

    def get_freq(self):
        return self.freq

    def set_freq(self, freq):
        self.freq = freq
        self.soapy_source.set_frequency(0, self.freq)

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = gain
        self.soapy_source.set_gain(0, self.gain)

    def get_ant(self):
        return self.ant

    def set_ant(self, ant):
        self.ant = ant
        self.soapy_source.set_antenna(0, self.ant)



def argument_parser():
    description = 'Samples from any SoapySDR device (RTL-SDR, HackRF, Pluto, LimeSDR) to a pipe.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-out", dest="fd_out", type=intx, default=4,
        help="Set File descriptor for received samples [default=%(default)r]")
    parser.add_argument(
        "--driver", dest="driver", type=str, default='rtlsdr',
        help="Set SoapySDR driver [default=%(default)r]")
    parser.add_argument(
        "--args", dest="args", type=str, default='',
        help="Set Device arguments [default=%(default)r]")
    parser.add_argument(
        "--rate", dest="rate", type=eng_float, default=eng_notation.num_to_str(float(1e6)),
        help="Set Samples a second [default=%(default)r]")
    parser.add_argument(
        "--freq", dest="freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Centre frequency, Hz [default=%(default)r]")
    parser.add_argument(
        "--gain", dest="gain", type=eng_float, default=eng_notation.num_to_str(float(20)),
        help="Set Gain, dB [default=%(default)r]")
    parser.add_argument(
        "--ant", dest="ant", type=str, default='RX',
        help="Set Antenna [default=%(default)r]")
    return parser


def main(top_block_cls=soapy_rx, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_out=options.fd_out, driver=options.driver, args=options.args, rate=options.rate, freq=options.freq, gain=options.gain, ant=options.ant)

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
