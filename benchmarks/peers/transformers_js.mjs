// transformers.js on the same ONNX files, with onnxruntime-node: `generate` with the library's own cache and
// sampling. The candidate's name ends in fp32 or int8 (dtype q8, with the codec in float32, as its authors
// show). Run as `node transformers_js.mjs TASK.json PACKAGE_FOLDER`; says what task.py's Measurement holds.

import { readFileSync } from "node:fs";
import { dirname, basename, join } from "node:path";
import { pathToFileURL } from "node:url";

const FRAMES_PER_SECOND = 50;
const EXTRA_STEPS = 3;
const [taskFile, packages] = process.argv.slice(2);
const task = JSON.parse(readFileSync(taskFile, "utf8"));
const folder = join(packages, "node_modules", "@huggingface", "transformers");
const library = await import(pathToFileURL(join(folder, "dist", "transformers.node.mjs")).href);
const { BaseStreamer, MusicgenForConditionalGeneration, Tensor, env } = library;
const imports = process.uptime();

env.allowRemoteModels = false;
env.localModelPath = dirname(task.files);
const q8 = task.candidate.endsWith("int8");
const weights = q8 ? "q8" : "fp32";
let began = performance.now();
const model = await MusicgenForConditionalGeneration.from_pretrained(basename(task.files), {
  dtype: { text_encoder: weights, decoder_model_merged: weights, encodec_decode: "fp32" },
  device: "cpu",
  session_options: { intraOpNumThreads: task.threads },
});
const load = seconds(began);

await track(task.warm_up_sec);
const tracks = [];
for (const length of task.tracks) tracks.push(await track(length));
const version = (name) => JSON.parse(readFileSync(join(packages, "node_modules", name, "package.json"))).version;
console.log(JSON.stringify({
  candidate: task.candidate,
  versions: {
    node: process.versions.node,
    "transformers.js": version("@huggingface/transformers"),
    "onnxruntime-node": version("onnxruntime-node"),
  },
  imports,
  load,
  peak_mb: peakMb(),
  tracks,
}));

// As task.py's peak_mb.
function peakMb() {
  if (process.platform !== "linux") return (process.resourceUsage().maxRSS * 1024) / 1e6;
  return (Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024) / 1e6;
}

function seconds(since) {
  return (performance.now() - since) / 1000;
}

async function track(length) {
  const times = [];
  class Clock extends BaseStreamer {
    put() { times.push(performance.now()); }
    end() {}
  }
  const ids = BigInt64Array.from(task.prompt_ids, BigInt);
  const start = performance.now();
  const audio = await model.generate({
    input_ids: new Tensor("int64", ids, [1, ids.length]),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), [1, ids.length]),
    max_new_tokens: length * FRAMES_PER_SECOND + EXTRA_STEPS,
    do_sample: true,
    top_k: 250,
    guidance_scale: 3,
    streamer: new Clock(),
  });
  const total = seconds(start);
  const samples = audio.dims.at(-1);
  if (samples !== length * model.config.audio_encoder.sampling_rate) throw new Error(`${samples} samples`);
  const stepTimes = times.slice(1).map((time, i) => (time - times[i]) / 1000);
  return { seconds: length, total, first_audio: total, step_times: stepTimes, codec: seconds(times.at(-1)) };
}
