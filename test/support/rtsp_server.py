"""A GStreamer RTSP server for tests.

usage: rtsp_server.py PORT [--user NAME --password WORD --method basic|digest|sha256] [--tls CERT KEY] [--udp-only|--tcp-only]
       [--record] [PATH=LAUNCH ...]

Prints "ready PORT" once it listens (PORT 0 picks a free one); a LAUNCH line is a GStreamer bin with pay0, pay1 ...
"""
import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("port")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--method", default="digest")
parser.add_argument("--tls", nargs=2)
parser.add_argument("--udp-only", action="store_true")
parser.add_argument("--tcp-only", action="store_true")
parser.add_argument("--record", action="store_true")
parser.add_argument("mounts", nargs="*")
arguments = parser.parse_intermixed_args()

Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(arguments.port)

auth = None
if arguments.user or arguments.tls:
    auth = GstRtspServer.RTSPAuth.new()
if arguments.tls:
    certificate = Gio.TlsCertificate.new_from_files(*arguments.tls)
    auth.set_tls_certificate(certificate)
if arguments.user:
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    if arguments.method == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(arguments.user, arguments.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(arguments.user, arguments.password, token)
if auth:
    server.set_auth(auth)

mounts = server.get_mount_points()
for mount in arguments.mounts:
    path, launch = mount.split("=", 1)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(launch)
    factory.set_shared(not arguments.record)
    factory.set_latency(0)
    if arguments.record:
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    if arguments.udp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    if arguments.tcp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    if arguments.user:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    mounts.add_factory(path, factory)

if server.attach(None) == 0:
    print("cannot listen", flush=True)
    sys.exit(1)
print(f"ready {server.get_bound_port()}", flush=True)
GLib.MainLoop().run()
