/** The thread of one executor: owns a session and an interpreter, takes pixels, answers findings. */
import { isMarkedAsUntransferable, parentPort, workerData } from "node:worker_threads";
import type { EngineReply, Interpreter } from "../../contracts/engine.ts";
import { VedetteError } from "../../errors.ts";
import type { ExecutorReady, ExecutorSetup, FramePixels, FromExecutor, PlainError, ProviderName, ToExecutor } from "./messages.ts";
import { chooseProviders, unavailable } from "./providers.ts";
import { freeOutputs, OnnxSession } from "./session.ts";
import { shortReason } from "./short-reason.ts";

// Started by executor.ts only, which passes an ExecutorSetup.
const port = parentPort as NonNullable<typeof parentPort>;
const setup = workerData as ExecutorSetup;

interface Opened {
  readonly session: OnnxSession;
  readonly ready: ExecutorReady;
}

/** Tries the providers in turn, each up to a complete run, so that one that merely loads is not taken for one that works. */
async function openSession(interpreter: Interpreter): Promise<Opened> {
  const { candidates, passedOver } = chooseProviders(setup.provider);
  const failures: string[] = [];
  for (const provider of candidates) {
    try {
      return await openWith(provider, interpreter, [...passedOver, ...failures]);
    } catch (error) {
      if (error instanceof VedetteError) {
        throw error;
      }
      const reason = shortReason(error);
      if (provider === "cpu") {
        throw new VedetteError("E_MODEL_BROKEN", { model: setup.model.name, reason }, { cause: error });
      }
      failures.push(`${provider}: ${reason}`);
    }
  }
  // One provider was asked for by name. Whether it or the model is at fault shows on the processor.
  const { session } = await openOnProcessor(interpreter);
  await session[Symbol.asyncDispose]();
  throw unavailable(setup.provider as ProviderName, failures.join("; "));
}

async function openOnProcessor(interpreter: Interpreter): Promise<Opened> {
  try {
    return await openWith("cpu", interpreter, []);
  } catch (error) {
    throw error instanceof VedetteError ? error : new VedetteError("E_MODEL_BROKEN", { model: setup.model.name, reason: shortReason(error) }, { cause: error });
  }
}

async function openWith(provider: ProviderName, interpreter: Interpreter, passedOver: readonly string[]): Promise<Opened> {
  const session = await OnnxSession.open(setup.file, setup.model.input, {
    provider,
    device: setup.device,
    threads: setup.threads,
    maxBatch: setup.model.maxBatch,
    spin: setup.spin,
  });
  const outputs = await session.warmUp();
  // Outputs that do not fit the family are better reported now than with the first frame.
  interpreter.interpret(outputs, session.plainGeometry);
  freeOutputs([outputs]);
  return { session, ready: { provider, passedOver, batchSizes: session.batchSizes } };
}

/** Computes, posts the findings, and frees what is left. */
async function infer(session: OnnxSession, interpreter: Interpreter, id: number, frames: readonly FramePixels[]): Promise<void> {
  const start = performance.now();
  const outputs = await session.run(frames);
  const inferMs = performance.now() - start;
  try {
    const replies = frames.map(({ geometry }, index): EngineReply => {
      const from = performance.now();
      const finding = interpreter.interpret(outputs[index] ?? [], geometry);
      return { finding, inferMs, interpretMs: performance.now() - from };
    });
    post({ type: "replied", id, replies }, [...arrayMemory(replies)]);
  } finally {
    freeOutputs(outputs);
  }
}

/** Memory of the typed arrays in findings: masks, images, embeddings, outputs as they are. It is handed over, not copied. */
function arrayMemory(value: unknown, into = new Set<ArrayBuffer>(), depth = 0): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    const { buffer } = value;
    if (buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer)) {
      into.add(buffer);
    }
  } else if (typeof value === "object" && value !== null && depth < 6) {
    for (const inner of Object.values(value)) {
      if (typeof inner === "object") {
        arrayMemory(inner, into, depth + 1);
      }
    }
  }
  return into;
}

function plain(error: unknown): PlainError {
  if (error instanceof VedetteError) {
    return { code: error.code, details: error.details };
  }
  return { code: "E_ENGINE_FAILED", details: { engine: "onnx", reason: shortReason(error) } };
}

function post(message: FromExecutor, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function main(): Promise<void> {
  // What an interpreter module must export (contracts/engine.ts).
  const module = (await import(setup.interpreterModule)) as { createInterpreter(model: unknown): Interpreter };
  const interpreter = module.createInterpreter(setup.interpreterModel);
  const { session, ready } = await openSession(interpreter);
  let turn: Promise<void> = Promise.resolve();
  port.on("message", (message: ToExecutor) => {
    turn = turn.then(async () => {
      if (message.type === "close") {
        await session[Symbol.asyncDispose]();
        port.close();
        return;
      }
      try {
        await infer(session, interpreter, message.id, message.frames);
      } catch (error) {
        post({ type: "failed", id: message.id, error: plain(error) });
      }
    });
  });
  post({ type: "ready", ...ready });
}

try {
  await main();
} catch (error) {
  post({ type: "refused", error: plain(error) });
}
