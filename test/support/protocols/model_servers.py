#!/usr/bin/python3
"""gRPC model servers for tests of our clients, made from the protocols' definitions: strict about every field.

Speaks KServe v2, TensorFlow Serving and TorchServe on one port of 127.0.0.1, which it prints. A picture's answer is the
sum of its values. The model's name commands faults: see FAULTS. `--tls CERT KEY [CA]` serves TLS, with CA mutual TLS.
"""
import json, struct, subprocess, sys, tempfile, time
from concurrent import futures

import grpc

out = tempfile.mkdtemp()
subprocess.run(["protoc", "-Isrc/protocols", "-Itest/support/proto", f"--python_out={out}", f"--grpc_python_out={out}",
                "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin",
                "oip/oip.proto", "tfserving/tensorflow.proto", "tfserving/serving.proto", "torchserve/inference.proto", "google/rpc/status.proto"], check=True)
sys.path.insert(0, out)
from oip import oip_pb2, oip_pb2_grpc
from tfserving import tensorflow_pb2 as tf, serving_pb2, serving_pb2_grpc
from torchserve import inference_pb2, inference_pb2_grpc

FAULTS = {"busy", "busy-once", "internal", "hang", "liar", "short", "wrong-type", "nameless", "secret", "nan"}
calls = {}


def fault(name, context):
    calls[name] = calls.get(name, 0) + 1
    if name == "busy" or (name == "busy-once" and calls[name] % 2 == 1):
        context.set_trailing_metadata((("retry-after", "0"),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "queue is full")
    if name == "internal":
        context.abort(grpc.StatusCode.INTERNAL, "told to fail")
    if name == "hang":
        time.sleep(30)
    if name == "secret" and dict(context.invocation_metadata()).get("authorization") != "Bearer open sesame":
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is required")


def need(condition, context, message):
    if not condition:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)


def sums_of(shape, data, context):
    count = 1
    for size in shape:
        count *= size
    need(len(data) == 4 * count, context, f"expected {4 * count} bytes, got {len(data)}")
    values = struct.unpack(f"<{count}f", data)
    each = count // max(1, shape[0])
    return [sum(values[i * each:(i + 1) * each]) for i in range(shape[0])]


def outputs_of(name, sums):
    """Shape, datatype and bytes of the answer, or of a lie."""
    data = struct.pack(f"<{len(sums)}f", *sums)
    if name == "liar":
        return [len(sums), 2], "FP32", data + data
    if name == "short":
        return [len(sums), 1], "FP32", data[:-1]
    if name == "wrong-type":
        return [len(sums), 1], "INT32", data
    if name == "nan":
        return [len(sums), 1], "FP32", struct.pack("<f", float("nan")) * len(sums)
    return [len(sums), 1], "FP32", data


class Oip(oip_pb2_grpc.GRPCInferenceServiceServicer):
    def ModelMetadata(self, request, context):
        if request.name == "absent":
            context.abort(grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'absent' is not found")
        if request.name == "secret":
            fault("secret", context)
        need(request.version in ("", "1"), context, "no such version")
        answer = oip_pb2.ModelMetadataResponse(name=request.name, versions=["1"], platform="test")
        if request.name == "jpeg":
            answer.inputs.add(name="image", datatype="BYTES", shape=[-1])
        else:
            answer.inputs.add(name="image", datatype="FP32", shape=[1 if request.name == "single" else -1, 2, 4, 3])
        answer.outputs.add(name="sum", datatype="FP32", shape=[-1, 1])
        return answer

    def ModelInfer(self, request, context):
        fault(request.model_name, context)
        return self.infer(request, context)

    def infer(self, request, context):
        need(request.model_version in ("", "1"), context, "no such version")
        need(len(request.inputs) == 1 and request.inputs[0].name == "image", context, "expected one input named image")
        tensor = request.inputs[0]
        need(not tensor.HasField("contents"), context, "expected raw contents")
        need(len(request.raw_input_contents) == 1, context, "expected one raw content")
        raw = request.raw_input_contents[0]
        if request.model_name == "jpeg":
            need(tensor.datatype == "BYTES" and len(tensor.shape) == 1, context, "expected BYTES [n]")
            sums, at = [], 0
            for _ in range(tensor.shape[0]):
                (length,) = struct.unpack_from("<I", raw, at)
                need(raw[at + 4:at + 6] == b"\xff\xd8", context, "expected a JPEG")
                sums.append(float(raw[at + 4 + length - 1]))
                at += 4 + length
            need(at == len(raw), context, "bytes left over")
        else:
            need(tensor.datatype == "FP32" and list(tensor.shape[1:]) == [2, 4, 3], context, f"expected FP32 [n,2,4,3], got {tensor.datatype} {list(tensor.shape)}")
            need(request.model_name != "single" or tensor.shape[0] == 1, context, "batch is 1")
            sums = sums_of(tensor.shape, raw, context)
        shape, datatype, data = outputs_of(request.model_name, sums)
        answer = oip_pb2.ModelInferResponse(model_name=request.model_name, model_version="1", id=request.id)
        answer.outputs.add(name="other" if request.model_name == "nameless" else "sum", datatype=datatype, shape=shape)
        answer.raw_output_contents.append(data)
        return answer

    def ModelStreamInfer(self, requests, context):
        for request in requests:
            if request.model_name == "internal":
                yield oip_pb2.ModelStreamInferResponse(error_message="told to fail", infer_response=oip_pb2.ModelInferResponse(id=request.id))
            else:
                yield oip_pb2.ModelStreamInferResponse(infer_response=self.infer(request, context))


class Predictions(serving_pb2_grpc.PredictionServiceServicer):
    def GetModelMetadata(self, request, context):
        need(list(request.metadata_field) == ["signature_def"], context, "expected metadata_field signature_def")
        if request.model_spec.name == "absent":
            context.abort(grpc.StatusCode.NOT_FOUND, "Model with requested name is not found")
        signature = serving_pb2.SignatureDefMap()
        definition = signature.signature_def["serving_default"]
        names = ["data", "more"] if request.model_spec.name == "two-inputs" else ["data"]
        for name in names:
            definition.inputs[name].name = name
            definition.inputs[name].dtype = tf.DT_FLOAT
            for size in (1, -1, -1, 3):
                definition.inputs[name].tensor_shape.dim.add(size=size)
        if request.model_spec.name == "detector":
            definition.outputs["detection_out"].name = "detection_out"
            definition.outputs["detection_out"].dtype = tf.DT_FLOAT
            for size in (1, 1, 200, 7):
                definition.outputs["detection_out"].tensor_shape.dim.add(size=size)
            answer = serving_pb2.GetModelMetadataResponse()
            answer.metadata["signature_def"].Pack(signature)
            return answer
        definition.outputs["sum"].name = "sum"
        definition.outputs["sum"].dtype = tf.DT_FLOAT
        for size in (-1, 1):
            definition.outputs["sum"].tensor_shape.dim.add(size=size)
        answer = serving_pb2.GetModelMetadataResponse()
        answer.model_spec.name = request.model_spec.name
        answer.metadata["signature_def"].Pack(signature)
        return answer

    def Predict(self, request, context):
        spec = request.model_spec
        fault(spec.name, context)
        need(not spec.HasField("version") or spec.version.value == 1, context, "no such version")
        need(list(request.inputs) == ["data"], context, f"Missing input with specific name - Required input: data; got {list(request.inputs)}")
        tensor = request.inputs["data"]
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        if spec.name == "detector":
            return self.detect(tensor, shape, context)
        if spec.name == "binary":
            need(tensor.dtype == tf.DT_STRING and shape == [len(tensor.string_val)], context, "expected DT_STRING")
            need(all(value[:2] == b"\xff\xd8" for value in tensor.string_val), context, "Image parsing failed")
            sums = [float(value[-1]) for value in tensor.string_val]
        else:
            need(tensor.dtype == tf.DT_FLOAT, context, f"Invalid precision - Expected: FP32; Actual: {tensor.dtype}; input name: data")
            need(len(shape) == 4 and shape[3] == 3, context, f"Invalid input shape - Expected: (N,H,W,3); Actual: {shape}; input name: data")
            sums = sums_of(shape, tensor.tensor_content, context)
        shape, _, data = outputs_of(spec.name, sums)
        answer = serving_pb2.PredictResponse()
        output = answer.outputs["other" if spec.name == "nameless" else "sum"]
        output.dtype = tf.DT_INT32 if spec.name == "wrong-type" else tf.DT_FLOAT
        for size in shape:
            output.tensor_shape.dim.add(size=size)
        output.tensor_content = data
        return answer


    def detect(self, tensor, shape, context):
        """One person in the middle of any picture, as person-vehicle-bike-detection-2002 answers."""
        if tensor.dtype == tf.DT_STRING:
            need(shape == [1] and tensor.string_val[0][:2] == b"\xff\xd8", context, "Image parsing failed")
        else:
            need(tensor.dtype == tf.DT_FLOAT and len(shape) == 4 and shape[0] == 1 and shape[3] == 3, context, f"Invalid input shape {shape}")
            need(len(tensor.tensor_content) == 4 * shape[1] * shape[2] * 3, context, "Invalid content size of tensor proto")
            need(0 <= min(struct.unpack_from("<300f", tensor.tensor_content)) <= max(struct.unpack_from("<300f", tensor.tensor_content)) <= 255, context, "expected 0...255")
        rows = [0, 1, 0.9, 0.25, 0.25, 0.75, 0.75] + [0, 2, 0.5, 0.1, 0.1, 0.2, 0.2] + [-1, 0, 0, 0, 0, 0, 0] * 198
        answer = serving_pb2.PredictResponse()
        answer.outputs["detection_out"].dtype = tf.DT_FLOAT
        for size in (1, 1, 200, 7):
            answer.outputs["detection_out"].tensor_shape.dim.add(size=size)
        answer.outputs["detection_out"].tensor_content = struct.pack("<1400f", *rows)
        return answer


class TorchServe(inference_pb2_grpc.InferenceAPIsServiceServicer):
    def Ping(self, request, context):
        return inference_pb2.TorchServeHealthResponse(health='{\n  "status": "Healthy"\n}\n')

    def Predictions(self, request, context):
        fault(request.model_name, context)
        need(list(request.input) == ["data"], context, f"expected data, got {list(request.input)}")
        data = request.input["data"]
        if data[:1] == b"{":
            import base64
            body = json.loads(data)
            need(list(body) == [str(i) for i in range(len(body))], context, "keys count from 0")
            answers = [{"label": base64.b64decode(value)[-1] / 255} for value in body.values()]
            return inference_pb2.PredictionResponse(prediction=json.dumps(answers[1:] if request.model_name == "short" else answers).encode())
        need(data[:2] == b"\xff\xd8", context, "expected a JPEG")
        return inference_pb2.PredictionResponse(prediction=json.dumps({"label": data[-1] / 255}, indent=2).encode())


server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", 64 << 20)])
oip_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Oip(), server)
serving_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(), server)
inference_pb2_grpc.add_InferenceAPIsServiceServicer_to_server(TorchServe(), server)
if len(sys.argv) > 3 and sys.argv[1] == "--tls":
    cert, key = open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
    ca = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else None
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)], root_certificates=ca, require_client_auth=ca is not None))
else:
    port = server.add_insecure_port(f"127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else 0}")
server.start()
print(port, flush=True)
sys.stdin.read()
