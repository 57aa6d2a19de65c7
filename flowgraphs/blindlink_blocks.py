"""Blocks that flowgraphs need beside GNU Radio's own."""

import os
import struct

import numpy
import pmt
from gnuradio import gr

MAGIC = b"BLK1"
HEADER = struct.Struct("<4sIQII")


class FramedSink(gr.sync_block):
    """Writes samples to a file descriptor with a header before each chunk, so that a gap is known to the sample.

    Header, 24 bytes, little endian: "BLK1", samples in the chunk (u32), index of its first sample in the device's own
    count, lost ones included (u64), samples lost just before it (u32), reserved (u32). Then complex float32 samples.

    A USRP source says where samples were lost by a tag `rx_time` on the first one after the gap: the device's clock
    tells how many there were. The first tag sets the clock.
    """

    def __init__(self, fd, rate):
        gr.sync_block.__init__(self, "blindlink framed sink", [numpy.complex64], None)
        self.fd = fd
        self.rate = rate
        self.lost = 0
        self.first_time = None
        self.count = 0

    def work(self, input_items, output_items):
        samples = input_items[0]
        start = self.nitems_read(0)
        tags = sorted(self.get_tags_in_window(0, 0, len(samples), pmt.intern("rx_time")), key=lambda tag: tag.offset)
        at = 0
        lost_here = 0
        for tag in tags:
            seconds = pmt.to_uint64(pmt.tuple_ref(tag.value, 0))
            fraction = pmt.to_double(pmt.tuple_ref(tag.value, 1))
            if self.first_time is None:
                self.first_time = (seconds, fraction, tag.offset)
                continue
            elapsed = (seconds - self.first_time[0]) + (fraction - self.first_time[1])
            lost = round(elapsed * self.rate) - (tag.offset - self.first_time[2]) - self.lost
            if lost <= 0:
                continue
            end = tag.offset - start
            if end > at:
                self.write(samples[at:end], lost_here)
                lost_here = 0
            at = end
            lost_here += lost
            self.lost += lost
        if len(samples) > at:
            self.write(samples[at:], lost_here)
        return len(samples)

    def write(self, samples, lost):
        index = self.count + self.lost
        self.put(HEADER.pack(MAGIC, len(samples), index, min(lost, 0xFFFFFFFF), 0))
        self.put(memoryview(samples).cast("B"))
        self.count += len(samples)

    def put(self, data):
        data = memoryview(data)
        while len(data) > 0:
            try:
                data = data[os.write(self.fd, data) :]
            except BrokenPipeError:
                # The reader is gone; nothing that runs without it is of use.
                os._exit(0)
