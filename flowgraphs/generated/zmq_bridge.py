#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: ZMQ bridge
# Author: blindlink
# Description: PUSH what is sent and PULL what is received: a bridge to existing flowgraphs.
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
from gnuradio import zeromq




class zmq_bridge(gr.top_block):

    def __init__(self, fd_in=3, fd_out=4, push='tcp://127.0.0.1:5555', pull='tcp://127.0.0.1:5556'):
        gr.top_block.__init__(self, "ZMQ bridge", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.fd_in = fd_in
        self.fd_out = fd_out
        self.push = push
        self.pull = pull

        ##################################################
        # Blocks
        ##################################################

        self.zmq_push = zeromq.push_sink(gr.sizeof_gr_complex, 1, push, 100, False, 4)
        self.zmq_pull = zeromq.pull_source(gr.sizeof_gr_complex, 1, pull, 100, False, 4)
        self.samples_out = blocks.file_descriptor_sink(gr.sizeof_gr_complex*1, fd_out)
        self.samples_in = blocks.file_descriptor_source(gr.sizeof_gr_complex*1, fd_in, False)


        ##################################################
        # Connections
        ##################################################
        self.connect((self.samples_in, 0), (self.zmq_push, 0))
        self.connect((self.zmq_pull, 0), (self.samples_out, 0))


    def get_fd_in(self):
        return self.fd_in

    def set_fd_in(self, fd_in):
        self.fd_in = fd_in

    def get_fd_out(self):
        return self.fd_out

    def set_fd_out(self, fd_out):
        self.fd_out = fd_out

    def get_push(self):
        return self.push

    def set_push(self, push):
        self.push = push

    def get_pull(self):
        return self.pull

    def set_pull(self, pull):
        self.pull = pull



def argument_parser():
    description = 'PUSH what is sent and PULL what is received: a bridge to existing flowgraphs.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--fd-in", dest="fd_in", type=intx, default=3,
        help="Set File descriptor with samples to send [default=%(default)r]")
    parser.add_argument(
        "--fd-out", dest="fd_out", type=intx, default=4,
        help="Set File descriptor for received samples [default=%(default)r]")
    parser.add_argument(
        "--push", dest="push", type=str, default='tcp://127.0.0.1:5555',
        help="Set Address our samples go to [default=%(default)r]")
    parser.add_argument(
        "--pull", dest="pull", type=str, default='tcp://127.0.0.1:5556',
        help="Set Address samples come from [default=%(default)r]")
    return parser


def main(top_block_cls=zmq_bridge, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(fd_in=options.fd_in, fd_out=options.fd_out, push=options.push, pull=options.pull)

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
