#!/usr/bin/env python3
"""Runs one of the generated flowgraphs for blindlink.

    run.py NAME [--parameter value]...      parameters are those of the flowgraph (UHD's habits: --args --rate --freq …)

Samples go through the file descriptors 3 (to the radio) and 4 (from it); what happens is told on 5, one JSON object a
line: `ready` with the settings that the device really took, `error` with one line of text, `done`. GNU Radio's own log goes to standard error.

Ends when its input ends and nothing is to be received, at SIGTERM or SIGINT, and when its parent dies.
"""

import gc
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import time

os.environ.setdefault("GR_CONF_LOG_LOG_FILE", "stderr")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "generated"), HERE]
STATUS = 5


def tell(event, **fields):
    line = json.dumps({"event": event, **fields}, allow_nan=False) + "\n"
    try:
        os.write(STATUS, line.encode())
    except OSError:
        # Run by hand, without that descriptor.
        sys.stderr.write(line)


def fail(kind, error):
    text = str(error).strip().replace("\n", " ")
    tell("error", kind=kind, message=text)
    sys.stderr.flush()
    os._exit(1)


def release():
    """Destroys what is left of a device, so that it is given back; a driver that hangs in that is left behind."""
    threading.Timer(3, os._exit, (0,)).start()
    gc.collect()


def watch_parent():
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def parameters_of(constructor, words):
    """--name value pairs, converted to the types of the constructor's defaults."""
    known = {name: p.default for name, p in inspect.signature(constructor).parameters.items() if name != "self"}
    given = {}
    while words:
        flag = words.pop(0)
        name = flag[2:].replace("-", "_")
        if not flag.startswith("--") or name not in known or not words:
            fail("usage", f"{flag}: not a parameter of this flowgraph; it takes {', '.join('--' + k for k in known)}")
        kind = type(known[name])
        try:
            text = words.pop(0)
            # A default of 0 says nothing of whether fractions are meant.
            number = float(text) if kind in (int, float) else None
            given[name] = text if number is None else int(number) if number.is_integer() else number
        except ValueError:
            fail("usage", f"{flag}: cannot be {text}")
    return given


def applied_by(top):
    """What a device made of the settings, as it tells itself."""
    applied = {}
    for side, block in (("tx", getattr(top, "usrp_sink", None)), ("rx", getattr(top, "usrp_source", None))):
        if block is None:
            continue
        try:
            info = dict(block.get_usrp_info(0))
        except RuntimeError:
            info = {}
        applied[side] = {
            "sampleRateHz": block.get_samp_rate(),
            "centerFrequencyHz": block.get_center_freq(0),
            "gainDb": block.get_gain(0),
            "antenna": block.get_antenna(0),
            "device": info.get("mboard_id", ""),
            "serial": info.get("mboard_serial", ""),
        }
    soapy = getattr(top, "soapy_source", None)
    if soapy is not None:
        applied["rx"] = {
            "sampleRateHz": soapy.get_sample_rate(0),
            "centerFrequencyHz": soapy.get_frequency(0),
            "gainDb": soapy.get_gain(0),
            "antenna": soapy.get_antenna(0),
        }
    return applied


def set_subdevices(top, given):
    """GRC leaves an empty subdevice out; a given one moves the channel, whose settings are then made again."""
    for block, prefix in ((getattr(top, "usrp_sink", None), "tx_"), (getattr(top, "usrp_source", None), "rx_")):
        spec = given.get(prefix + "subdev", given.get("subdev", ""))
        if block is None or not spec:
            continue
        block.set_subdev_spec(spec, 0)
        block.set_samp_rate(top.rate)
        block.set_center_freq(top.freq, 0)
        block.set_gain(given.get(prefix + "gain", given.get("gain", 0)), 0)


def frame_output(top):
    """Puts the sink that marks gaps in the place of the plain one."""
    from blindlink_blocks import FramedSink

    for name in ("usrp_source", "soapy_source", "pluto_source"):
        source = getattr(top, name, None)
        if source is None:
            continue
        rate = source.get_samp_rate() if name == "usrp_source" else float(top.rate)
        top.disconnect(source, top.samples_out)
        top.framed = FramedSink(top.fd_out, rate)
        top.connect(source, top.framed)
        return True
    return False


def main():
    name, *words = sys.argv[1:]
    try:
        from gnuradio import gr  # noqa: F401
    except ImportError as error:
        fail("no-gnuradio", error)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        fail("no-module", error)
    make = getattr(module, name)
    given = parameters_of(make.__init__, words)
    top = None
    problem = None
    try:
        top = make(**given)
        set_subdevices(top, given)
        framed = frame_output(top)
    except Exception as error:  # whatever a driver throws is told in one line
        problem = str(error)
    if problem is not None:
        # The traceback held the device: let it go first, or the next program finds it in use.
        top = None
        release()
        fail("device", problem)

    stopping = threading.Event()

    def stop(*_):
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=watch_parent, daemon=True).start()
    try:
        top.start()
    except Exception as error:
        fail("device", error)
    tell("ready", applied=applied_by(top), framed=framed)
    waiter = threading.Thread(target=top.wait, daemon=True)
    waiter.start()
    while waiter.is_alive():
        waiter.join(0.2)
        if stopping.is_set():
            top.stop()
            waiter.join(3)
            break
    tell("done")
    sys.stderr.flush()
    del top, waiter
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    release()
    os._exit(0)


if __name__ == "__main__":
    main()
