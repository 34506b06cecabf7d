"""Make one track and copy it to a file.

python one_track.py "rainy night, mellow rhodes" 20 rainy-night.flac
"""

import sys

from lofi_client import GenerationComplete, GenerationProgress, Lofi

if len(sys.argv) != 4:
    sys.exit("usage: one_track.py PROMPT SECONDS OUTPUT")
prompt, seconds, output = sys.argv[1:]

with Lofi.connect() as lofi:
    for event in lofi.generate(prompt, duration_sec=int(seconds), output=output):
        match event:
            case GenerationProgress(percent=percent, eta_sec=eta_sec):
                print(f"{percent:3} %, about {eta_sec:.0f} s left")
            case GenerationComplete(seed=seed, generation_time_sec=took):
                print(f"{output}: seed {seed}, made in {took:.1f} s")
