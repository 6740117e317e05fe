"""Reports for the tests, made up as the program would write them."""

import base64
import json

START = 1795449762.125


def run_line(**values):
    return line("run", version="0.1.0", host="build-7", cwd="/src",
                argv=["brood", "-j4", "cc -c {}"], start=START, jobs=4,
                total=None, pid=4711,
                limits=dict(timeout_s=30, idle_timeout_s=None,
                            deadline_s=None, attempts=1), **values)


def job_line(seq, status="ok", **values):
    record = dict(
        seq=seq, slot=1, name=None, argv=["cc", "-c", f"file{seq}.c"],
        shell=False, values=[f"file{seq}.c"], cwd="/src", attempt=1,
        final=True, start=START + seq / 100, queued_s=0.01, wall_s=1.5,
        user_s=1.25, sys_s=0.125, maxrss=41943040, maxrss_kind="process",
        minflt=900, majflt=0, inblock=0, oublock=8, nvcsw=3, nivcsw=9,
        status=status, code=0 if status == "ok" else None, signal=None,
        core=False, kill_path=[], out_bytes=100, err_bytes=0, truncated=False,
        complete=True, pty=False, leftover=[])
    record.update(values)
    return line("job", **record)


def end_line(**values):
    record = dict(end=START + 60, wall_s=60, ok=0, failed=0, timed_out=0,
                  canceled=0, skipped=0, retried=0, user_s=0, sys_s=0,
                  exit_code=0, halted=None)
    record.update(values)
    return line("end", **record)


def line(event, **values):
    return json.dumps({"v": 1, "ev": event, **values},
                      separators=(",", ":")) + "\n"


def b64(raw):
    return {"b64": base64.b64encode(raw).decode()}


# What must not get out of the element, attribute or field that it is put in.
NASTY = ("</script><script>document.title='broken'</script>\u2028<!-- "
         "]]> &amp; \"'\x1b[31mred\x1b[0m\x01\ufffe\ttab\n10%\rcarriage\n=1+1,\n")


def sample():
    """One job of each kind, with what may break a format."""
    return "".join([
        run_line(),
        job_line(1),
        job_line(2, "exit", code=3, err_tail="first\nlast words\n",
                 err_bytes=17),
        job_line(3, "exit", code=1, err_tail=NASTY, argv=["sh", "-c", NASTY],
                 name="na<m>e"),
        job_line(4, "signal", signal=11, core=True, slot=2),
        job_line(5, "timeout", signal=9, wall_s=35.5, slot=3,
                 kill_path=["TERM@30.0", "KILL@35.0"]),
        job_line(6, "idle", signal=15, kill_path=["TERM@9.0"], slot=4),
        job_line(7, "output", signal=15, truncated=True, slot=4),
        job_line(8, "canceled", signal=15, slot=2),
        job_line(9, "spawn", code=127, error="No such file or directory",
                 wall_s=0, user_s=0, sys_s=0, maxrss=0),
        job_line(10, "skipped", start=0, wall_s=0, user_s=0, sys_s=0,
                 maxrss=0, slot=0),
        job_line(11, "exit", code=75, final=False, start=START + 20),
        job_line(11, attempt=2, start=START + 22),
        job_line(12, argv=["cat", b64(b"caf\xe9")], complete=False, slot=2,
                 start=START + 30,
                 leftover=[{"pid": 991, "argv": ["node", "server.js"],
                            "action": "killed"}]),
        end_line(ok=3, failed=6, timed_out=2, canceled=1, skipped=1,
                 retried=1, exit_code=123),
    ])
