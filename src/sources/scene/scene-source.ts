import type { Clock } from "../../contracts/clock.ts";
import type { FrameSession, Source } from "../../contracts/source.ts";
import { DrawnSession } from "../drawn-session.ts";
import type { SceneOptions } from "./scene.ts";
import { SceneThread } from "./scene-thread.ts";

/** What a scene shows, and how it plays. */
export interface SceneSourceOptions {
  readonly scene: SceneOptions;
  readonly frameRate: number;
  readonly frameCount: number;
  readonly realtime: boolean;
  readonly clock: Clock;
}

/** The street as a source. Drawing happens on a thread of its own. */
export class SceneSource implements Source {
  readonly isLocal = true;
  readonly name = "scene:street";
  readonly #options: SceneSourceOptions;

  constructor(options: SceneSourceOptions) {
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<FrameSession> {
    const { scene, frameRate, frameCount, realtime, clock } = this.#options;
    const drawer = await SceneThread.start(this.name, scene, frameRate, signal);
    return new DrawnSession({ drawer, frameRate, frameCount, realtime, clock });
  }
}
