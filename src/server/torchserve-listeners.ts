/** Where TorchServe's further interfaces listen. */
export interface TorchServeListeners {
  /** Management REST; 127.0.0.1:8081 by default. */
  readonly management: string;
  /** Prometheus metrics; 127.0.0.1:8082. */
  readonly metrics: string;
  /** Inference gRPC; 127.0.0.1:7070. */
  readonly grpcInference: string;
  /** Management gRPC; 127.0.0.1:7071. */
  readonly grpcManagement: string;
}

/** TorchServe's own ports, on loopback. */
export const TORCHSERVE_LISTENERS: TorchServeListeners = {
  management: "127.0.0.1:8081",
  metrics: "127.0.0.1:8082",
  grpcInference: "127.0.0.1:7070",
  grpcManagement: "127.0.0.1:7071",
};
