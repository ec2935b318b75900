/** The log of OpenVINO Model Server's `real_time_stream_analysis.py`, line by line: scripts that read it go on working. */

/** Which part of the application speaks. */
export type OvmsLogger = "__main__" | "stream_reader" | "inference_manager" | "io_processor" | "stream_analyzer" | "http_visualizer" | `Inference-Executor-${number}`;

/** `2022-08-26 10:00:00,123 - stream_analyzer - INFO - …`: Python's logging with its default time format, in local time. */
export function ovmsLine(date: Date, logger: OvmsLogger, level: "DEBUG" | "INFO" | "WARNING" | "ERROR", message: string): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())},${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${day} ${time} - ${logger} - ${level} - ${message}`;
}

/** What the application says, by occasion. */
export const OVMS_MESSAGES = {
  readerStarting: (url: string): string => `Initializing Stream Reader for stream: ${url} ...`,
  readerStarted: "Stream Reader initialized successfully",
  readerFailed: "Failed to initialize Stream Reader",
  /** Version 0 is the latest. */
  endpoint: (url: string, model: string, version: number): string => `OVMS Endpoint spec - ovms_url: ${url}; model_name: ${model}; model_version: ${version === 0 ? "latest" : version}`,
  inputBuffer: (frames: number): string => `Input buffer capacity set to: ${frames} frames`,
  binaryInput: "Using binary input switched on",
  executors: (count: number): string => `Number of Inference Executors: ${count}`,
  visualizerBuffer: (frames: number): string => `Visualizer frames buffer capacity set to ${frames} frames`,
  ioStarting: "Initializing IO Processor",
  ioStarted: "IO Processor initialized successfully",
  analyzerStarting: "Starting Stream Analyzer",
  managerStarting: "Initializing Inference Manager...",
  executorsStarting: "Starting Inference Executors...",
  pipelineStarting: "Starting inference pipeline thread",
  monitorStarting: "Starting inference executors monitoring thread",
  managerStarted: "Inference Manager initialized successfully",
  visualizerStarting: "Starting Flask webserver...",
  /** Every 100 frames. Frames a second as a whole number, as Python's int() cuts it. */
  performance: (frames: number, fps: number, dropped: number): string => `For ${frames} received frames - FPS: ${Math.trunc(fps)}; Frames dropped: ${dropped};`,
  readsFailing: (attempts: number): string => `Out of ${attempts} attempts to read frame from the stream, more than half have been unsuccessful`,
  retry: (attempt: number): string => `[Retry ${attempt}/6] Waiting 10s before reinitializing the stream...`,
  retriesUsedUp: "Max retries limit has been reached. Please check stream health. Application will shutdown now.",
  droppingMost: (frames: number): string => `Out of ${frames} received frames, more than half have been dropped due to full input buffer. This indicates that stream speed exceeds inference execution capability`,
  visualizerDroppingMost: "Out of 100 last inference results, more than half have not been visualized due to full visualizer buffer",
  connectFailed: (reason: string): string => `Could not connect to OVMS - ${reason}`,
  callFailed: (reason: string): string => `Call to OVMS resulted in error - ${reason}`,
  unexpectedModel: "Unexpected number of model inputs or outputs. Expecting single input and single output.",
  analyzerStopping: "Shutting down Stream Analyzer...",
  managerStopping: "Shutting down Inference Manager...",
  managerThreadStopping: "Exiting Inference Manager thread...",
  pipelineStopped: "Inference pipeline thread exited successfully",
  monitorStopped: "Inference executors monitoring thread exited successfully",
  executorsStopping: "Shutting down inference executors...",
  executorStopped: (id: number): string => `Inference-Executor-${id} shut down successfully`,
  executorsStopped: "Inference Executors shut down successfully",
  managerStopped: "Inference Manager shut down successfully",
  analyzerStopped: "Stream Analyzer shut down successfully",
} as const;
