"""What the events platform runs on: two processes of Loadproof's own, or the seven that its team has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.suites.parts import Accepts, Answers, Demo, Part, Succeeds, Target

if TYPE_CHECKING:
    from loadproof.suites.standing import Standing

_PLATFORM = "loadproof.suites.events.target"
_MAIL = {"EMAIL_PORT_FILE": "mailpit.log"}  # parts run in the folder that their logs are in
_DATABASE = "postgresql+psycopg://revel@127.0.0.1:{ports[pgbouncer]}/revel"
_REAL = _MAIL | {
    "CELERY_BROKER_URL": "redis://127.0.0.1:{ports[redis]}/0",
    "DATABASE_URL": _DATABASE,
    "PGPASSFILE": "pgbouncer/pgpass",
    "SECRET_KEY_FILE": "web/secret",
}

# Written at each start, because ports may have changed. The database's password stays within the target's folder:
# without one, everybody on this machine could be the database's superuser.
_POOLER = """
umask 077; cd {folder}; password=$(cat ../postgres/password)
printf '"revel" "%s"\\n' "$password" > userlist.txt
printf '*:*:*:revel:%s\\n' "$password" > pgpass
cat > pgbouncer.ini <<END
[databases]
* = host=127.0.0.1 port={ports[postgres]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = userlist.txt
pool_mode = transaction
max_client_conn = 200
default_pool_size = 20
END
PATH=$PATH:/usr/sbin; exec pgbouncer -q pgbouncer.ini
"""
_RANDOM = "umask 077; head -c 24 /dev/urandom | base64"

# What a worker makes at the broker once it takes tasks; `celery inspect ping` says as much in three seconds of CPU.
_CONSUMES = 'test "$(redis-cli -p {ports[redis]} exists _kombu.binding.celery.pidbox)" = 1'

# Where the pages are on the documented port, mail is taken on the documented one; else on any that is free. The other
# parts read in its log on which: see EMAIL_PORT_FILE.
_INBOX = """
if [ {port} = 8025 ]; then smtp=1025; else smtp=0; fi
exec "{python}" -m loadproof.kit.servers.inbox --smtp-port $smtp --port {port}
"""

_MAILPIT = Part("mailpit", ("sh", "-c", _INBOX), port=8025)

_EMBEDDED = (
    _MAILPIT,
    Part(
        "web",
        ("{python}", "-m", _PLATFORM, "--port", "{port}", "--database", "sqlite:///{folder}/events.sqlite3", "--seed"),
        port=8000,
        environ=_MAIL,
        needs=("mailpit",),
        takes_options=True,
    ),
)


def _manage(command: str) -> tuple[str, ...]:
    return ("{python}", "-m", f"{_PLATFORM}.commands", command)


def _celery(*words: str) -> tuple[str, ...]:
    return ("{python}", "-m", "celery", "-A", f"{_PLATFORM}.worker", *words)


_REAL_PARTS = (
    _MAILPIT,
    Part(
        "postgres",
        (
            *("postgres", "-D", "{folder}/data", "-p", "{port}"),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        ),
        port=5432,
        ready=Succeeds(("pg_isready", "-q", "-h", "127.0.0.1", "-p", "{port}")),
        once=(
            ("sh", "-c", f"{_RANDOM} > {{folder}}/password"),
            (
                *("initdb", "-D", "{folder}/data", "--username=revel", "--pwfile={folder}/password"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            ),
        ),
        user="postgres",
        package="postgresql",
    ),
    Part(
        "pgbouncer",
        ("sh", "-c", _POOLER),
        port=6432,
        ready=Succeeds(("pg_isready", "-q", "-h", "127.0.0.1", "-p", "{port}")),
        needs=("postgres",),
        user="postgres",
        package="pgbouncer",
    ),
    Part(
        "redis",
        ("redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--dir", "{folder}", "--save", ""),
        port=6379,
        ready=Succeeds(("redis-cli", "-p", "{port}", "ping")),
        package="redis-server",
    ),
    Part(
        "celery",
        _celery("worker", "--concurrency", "4", "--loglevel", "WARNING"),
        ready=Succeeds(("sh", "-c", _CONSUMES)),
        environ=_REAL,
        needs=("mailpit", "web"),
    ),
    Part(
        "beat",
        _celery("beat", "--schedule", "{folder}/schedule", "--pidfile", "{folder}/pid", "--loglevel", "WARNING"),
        ready=Accepts(),
        environ=_REAL,
        needs=("celery",),
    ),
    Part(
        "web",
        (
            *("{python}", "-m", "gunicorn", f"{_PLATFORM}.app:create_from_environment()"),
            *("--workers", "4", "--worker-class", "uvicorn_worker.UvicornWorker", "--bind", "127.0.0.1:{port}"),
            *("--keep-alive", "75"),  # seconds, longer than users of a load test think
        ),
        port=8000,
        ready=Answers("/health"),
        environ=_REAL | {"THREADS": "2"},
        needs=("mailpit", "pgbouncer", "redis"),
        once=(
            ("sh", "-c", f"{_RANDOM} > {{folder}}/secret"),
            ("createdb", "-h", "127.0.0.1", "-p", "{ports[pgbouncer]}", "-U", "revel", "revel"),
            _manage("bootstrap"),
            _manage("bootstrap_perf_tests"),
        ),
        package="postgresql",
    ),
)

TARGET = Target(
    "events",
    embedded=_EMBEDDED,
    demo=Demo("tests/performance/locustfile.py", users=63, run_time="20s"),
    real=_REAL_PARTS,
    environ={
        "LOCUST_BACKEND_URL": "http://127.0.0.1:{ports[web]}/api",
        "LOCUST_MAILPIT_URL": "http://127.0.0.1:{ports[mailpit]}",
    },
)


def manage_environ(stood: Standing) -> dict[str, str]:
    """What ``manage.py`` must know to reach the database of a platform that stands."""
    if stood.is_real:
        passwords = stood.folder / "pgbouncer" / "pgpass"
        return {"DATABASE_URL": _DATABASE.format(ports=stood.ports), "PGPASSFILE": str(passwords)}
    return {"DATABASE_URL": f"sqlite:///{stood.folder / 'web' / 'events.sqlite3'}"}
