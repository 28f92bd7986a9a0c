#!/usr/bin/env python3
"""Draws every icon file from commonplace.svg.

Needs Python 3 and rsvg-convert (Debian: librsvg2-bin). Run it after a change of the drawing and
commit the results: a build does not run it. It leaves in drawn.sha256 from which drawing the files
were made; a test compares that with what is there.
"""

import hashlib
import pathlib
import struct
import subprocess
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / "commonplace.svg"
SVG = "{http://www.w3.org/2000/svg}"
STATES = ["ok", "busy", "waiting", "error", "paused"]

# The sizes that Windows picks from for title bar, task bar, desktop and large tiles.
ICO_SIZES = [16, 20, 24, 32, 40, 48, 64, 256]
# Apple's type codes for PNG entries, with their sizes in pixels.
ICNS_TYPES = [
    (b"icp4", 16), (b"icp5", 32), (b"ic11", 32), (b"ic12", 64), (b"ic07", 128),
    (b"ic13", 256), (b"ic08", 256), (b"ic14", 512), (b"ic09", 512), (b"ic10", 1024),
]
# 48 serves panels of 16 to 24 points also on screens of twice the density; 44 is 22 points on macOS.
TRAY_SIZE = 48
TEMPLATE_SIZE = 44


def layer(name):
    """Returns the drawing as text in which only the layer `name` is visible."""
    ET.register_namespace("", SVG.strip("{}"))
    root = ET.parse(SOURCE).getroot()
    groups = [group for group in root.findall(f"{SVG}g") if group.get("id")]
    if name not in [group.get("id") for group in groups]:
        raise SystemExit(f"{SOURCE.name} has no layer `{name}`")
    for group in groups:
        group.set("display", "inline" if group.get("id") == name else "none")
    return ET.tostring(root, encoding="utf-8")


def png(name, size):
    """Returns the layer `name` as a PNG file of `size` x `size` pixels with an alpha channel."""
    command = ["rsvg-convert", "--width", str(size), "--height", str(size), "--format", "png"]
    return subprocess.run(command, input=layer(name), capture_output=True, check=True).stdout


def ico(images):
    """Returns an ICO file of `images`, a list of (size, PNG file)."""
    header = struct.pack("<HHH", 0, 1, len(images))
    offset = len(header) + 16 * len(images)
    entries = b""
    for size, image in images:
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), offset)
        offset += len(image)
    return header + entries + b"".join(image for _, image in images)


def icns(images):
    """Returns an ICNS file of `images`, a list of (type code, PNG file)."""
    body = b"".join(code + struct.pack(">I", 8 + len(image)) + image for code, image in images)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def main():
    files = {
        "32x32.png": png("app", 32),
        "128x128.png": png("app", 128),
        "128x128@2x.png": png("app", 256),
        "icon.png": png("app", 512),
        "icon.ico": ico([(size, png("app", size)) for size in ICO_SIZES]),
        "icon.icns": icns([(code, png("app", size)) for code, size in ICNS_TYPES]),
    }
    for state in STATES:
        files[f"tray/{state}.png"] = png(f"tray-{state}", TRAY_SIZE)
        files[f"tray/{state}-template.png"] = png(f"template-{state}", TEMPLATE_SIZE)
    (HERE / "tray").mkdir(exist_ok=True)
    for name, content in files.items():
        (HERE / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")
    files[SOURCE.name] = SOURCE.read_bytes()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    (HERE / "drawn.sha256").write_text("".join(sums))


if __name__ == "__main__":
    main()
