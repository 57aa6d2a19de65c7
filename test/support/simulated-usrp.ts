import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Requirement } from './programs.js';
import { gnuradioPython } from './programs.js';

const modules = 'usrp_mpm.simulator, gevent, msgpack, pyroute2, pyudev, netaddr, systemd, six, numpy';

/** UHD, its simulated device and a network namespace of one's own to run it in. */
export function simulatedUsrp(): Requirement {
  const name = 'simulated USRP';
  const missing = (what: string): Requirement => ({ name, missing: `${name} needs ${what}` });
  const check = `import sys, types
sys.modules["mprpc"] = types.ModuleType("mprpc")
import gevent, msgpack, pyroute2, pyudev, netaddr, systemd, six, numpy, uhd, importlib.util
sys.exit(0 if importlib.util.find_spec("usrp_mpm") else 1)`;
  if (spawnSync(gnuradioPython, ['-c', check], { stdio: 'ignore', timeout: 60_000 }).status !== 0) {
    return missing(
      `${modules}: apt-get install python3-uhd uhd-host python3-gevent python3-msgpack python3-pyroute2 python3-pyudev python3-netaddr python3-systemd python3-six`,
    );
  }
  if (spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status !== 0) {
    return missing('a network namespace of its own (unshare -n as root, and ip from iproute2)');
  }
  return { name, missing: null };
}

/**
 * A shell line that starts the simulator beside `script` in a network namespace of their own. When the script ends,
 * so does the simulator. `$SIMULATOR` is its process id.
 */
export function besideUsrp(script: string, options = ''): [program: string, args: string[]] {
  const simulator = resolve('test/support/usrp_simulator.py');
  const line = `
ip link set lo up && ip addr add 10.77.0.1/32 dev lo || exit 90
LOG=$(mktemp)
# A radio does not wait for our processor: where we may, the simulator comes first.
nice -n -15 ${gnuradioPython} ${simulator} ${options} >$LOG 2>&1 & SIMULATOR=$!
for i in $(seq 100); do grep -q ^ready $LOG && break; sleep 0.2; done
grep -q ^ready $LOG || { cat $LOG >&2; exit 91; }
${script}
RESULT=$?
kill $SIMULATOR 2>/dev/null
wait $SIMULATOR 2>/dev/null
rm -f $LOG
exit $RESULT
`;
  return ['unshare', ['-n', 'sh', '-c', line]];
}
