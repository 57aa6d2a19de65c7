"""A USRP without hardware: UHD's own MPM in its simulated configuration (Debian package python3-uhd), an E320 on loopback.

    usrp_simulator.py [--gain 0.5] [--cfo 0.001] [--noise 0.003] [--taps 1,0.3] [--seed 1] [--claim]

What is transmitted comes back through taps, carrier offset (cycles per sample), gain and noise. It needs a network
namespace of its own, with loopback up and an address on it besides 127.0.0.1; see test/support/simulated-usrp.ts.
Prints "ready" when UHD can open it. Limits: one channel; it delivers a quarter of the rate that is set; transmission is not
paced; no underruns.
"""

import argparse
import collections
import configparser
import os
import sys
import tempfile
import threading
import time
import types

import gevent.monkey

gevent.monkey.patch_all()

import msgpack
import numpy


class RPCServer:
    """What MPM needs of the package mprpc, which Debian lacks: MessagePack-RPC requests on a gevent socket."""

    def __init__(self, pack_params=None, unpack_params=None):
        self.client_host = ""
        self.client_port = 0

    def __call__(self, sock, address):
        self.client_host, self.client_port = address[0], address[1]
        unpacker = msgpack.Unpacker(raw=False, max_buffer_size=50_000_000)
        while True:
            data = sock.recv(65536)
            if not data:
                return
            unpacker.feed(data)
            for kind, number, method, arguments in unpacker:
                try:
                    result, error = getattr(self, method)(*arguments), None
                    if isinstance(result, dict):
                        # UHD takes strings only; MPM says None where this machine has no such file.
                        result = {key: "" if value is None else value for key, value in result.items()}
                except Exception as problem:  # the client is told, as MPM expects
                    result, error = None, str(problem)
                sock.sendall(msgpack.packb([1, number, error, result], use_bin_type=True))


class Peripherals(types.ModuleType):
    """The compiled bindings to a real USRP's registers: named by the drivers of real devices, never called here."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Peripherals(name)

    def __call__(self, *_):
        return None


sys.modules["mprpc"] = types.ModuleType("mprpc")
sys.modules["mprpc"].RPCServer = RPCServer
sys.modules["usrp_mpm.libpyusrp_periphs"] = Peripherals("usrp_mpm.libpyusrp_periphs")

import pyroute2  # noqa: E402

get_links = pyroute2.IPRoute.get_links


def get_links_of_list(self, *links, **filters):
    """MPM hands over a list, as older versions of pyroute2 took it."""
    flat = [link for item in links for link in (item if isinstance(item, list) else [item])]
    return get_links(self, *flat, **filters)


pyroute2.IPRoute.get_links = get_links_of_list

from usrp_mpm import mpmtypes, rpc_server  # noqa: E402
from usrp_mpm.discovery import spawn_discovery_process  # noqa: E402
from usrp_mpm.mpmlog import get_main_logger  # noqa: E402
from usrp_mpm.simulator import chdr_stream, sample_source, stream_endpoint_node  # noqa: E402


def drop_oldest(self, packet):
    """A full queue of flow-control packets would otherwise raise in the socket thread and stall the stream."""
    if self.strs_queue.full():
        self.strs_queue.get_nowait()
    self.strs_queue.put_nowait(packet)


def ignore_late(self, packet, **kwargs):
    """Flow control for a stream that has ended already."""
    epid = packet.get_header().dst_epid
    if epid in self.strs_handlers:
        self.strs_handlers.pop(epid)(packet)
    elif self.output_stream is not None:
        self.output_stream.queue_packet(packet)


chdr_stream.ChdrOutputStream.queue_packet = drop_oldest
stream_endpoint_node.StreamEndpointNode._handle_strs_packet = ignore_late


class Air(sample_source.SampleSource, sample_source.SampleSink):
    """Sink and source at once: taps, gain, carrier offset and noise between them. Silence is noise too."""

    settings = None
    waiting = collections.deque()
    # Samples to transmit come in bursts, with no clock behind them. They go on the air in one piece, when no more have come
    # for this long: a real radio would have had them at the rate they leave.
    PATIENCE_S = 0.3
    on_air = False
    last_arrival = 0.0

    def __init__(self, **_):
        s = Air.settings
        self.taps = numpy.array([complex(t) for t in s.taps.split(",")])
        self.history = numpy.zeros(len(self.taps) - 1, dtype=complex)
        self.random = numpy.random.default_rng(s.seed)
        self.count = 0

    def accept_packet(self, packet):
        Air.waiting.append(bytes(packet.get_payload_bytes()))
        Air.last_arrival = time.time()

    def fill_packet(self, packet, payload_size):
        wanted = payload_size // 4
        have = []
        total = 0
        Air.on_air = bool(Air.waiting) and (Air.on_air or time.time() - Air.last_arrival > Air.PATIENCE_S)
        while Air.on_air and Air.waiting and total < wanted:
            data = numpy.frombuffer(Air.waiting.popleft(), dtype="<i2")
            have.append(data)
            total += len(data) // 2
        data = numpy.concatenate(have) if have else numpy.zeros(0, dtype="<i2")
        if total > wanted:
            Air.waiting.appendleft(data[2 * wanted :].tobytes())
            data = data[: 2 * wanted]
        x = numpy.zeros(wanted, dtype=complex)
        # UHD puts I in the upper half of each little-endian word: Q comes first.
        x[: len(data) // 2] = data[1::2] + 1j * data[0::2]
        x = numpy.concatenate([self.history, x])
        if len(self.taps) > 1:
            self.history = x[-(len(self.taps) - 1) :]
        y = numpy.convolve(x, self.taps, "valid") if len(x) else x
        n = self.count + numpy.arange(wanted)
        self.count += wanted
        s = Air.settings
        y = y * (s.gain * numpy.exp(2j * numpy.pi * s.cfo * n))
        sigma = 32767 * s.noise / numpy.sqrt(2)
        if sigma > 0:
            y = y + sigma * (self.random.standard_normal(wanted) + 1j * self.random.standard_normal(wanted))
        out = numpy.empty(2 * wanted, dtype="<i2")
        out[1::2] = numpy.clip(numpy.rint(y.real), -32768, 32767)
        out[0::2] = numpy.clip(numpy.rint(y.imag), -32768, 32767)
        packet.set_payload_bytes(out.tobytes())
        return packet

    def close(self):
        pass


sample_source.sources["Air"] = Air
sample_source.sinks["Air"] = Air


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gain", type=float, default=1.0)
    parser.add_argument("--cfo", type=float, default=0.0)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--taps", default="1")
    parser.add_argument("--seed", type=int, default=1)
    Air.settings = parser.parse_args()

    config = configparser.ConfigParser()
    config["sample.source"] = {"class": "Air"}
    config["sample.sink"] = {"class": "Air"}
    config["hardware"] = {"preset": "E320", "serial_num": "B11ND11"}
    handle, path = tempfile.mkstemp(suffix=".ini")
    with os.fdopen(handle, "w") as file:
        config.write(file)

    get_main_logger()
    state = mpmtypes.SharedState()
    processes = [
        spawn_discovery_process(state, "0.0.0.0"),
        rpc_server.spawn_rpc_process(mpmtypes.MPM_RPC_PORT, state, {"config": path}),
    ]
    parent = os.getppid()

    def stop():
        for process in processes:
            process.kill()
        os.unlink(path)
        os._exit(0)

    def watch():
        while os.getppid() == parent:
            time.sleep(0.3)
        stop()

    threading.Thread(target=watch, daemon=True).start()
    import signal

    signal.signal(signal.SIGTERM, lambda *_: stop())
    while not state.system_ready.value:
        time.sleep(0.05)
    print("ready", flush=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
