#!/usr/bin/python3
"""A client of model servers made from the protocols' definitions with Python's grpcio: prints what it saw as JSON.

model_client.py GRPC_PORT INFERENCE_PORT MANAGEMENT_PORT JPEG_FILE — the server has mnist (float32 [1,1,28,28]) and mob
(float32 [n,224,224,3], with a manifest).
"""
import json, struct, subprocess, sys, tempfile

import grpc

out = tempfile.mkdtemp()
subprocess.run(["protoc", "-Isrc/protocols", "-Itest/support/proto", f"--python_out={out}", f"--grpc_python_out={out}",
                "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin", "oip/oip.proto", "tfserving/tensorflow.proto",
                "tfserving/serving.proto", "torchserve/inference.proto", "torchserve/management.proto", "google/rpc/status.proto"], check=True)
sys.path.insert(0, out)
from google.protobuf import empty_pb2
from oip import oip_pb2 as oip, oip_pb2_grpc
from tfserving import tensorflow_pb2 as tf, serving_pb2 as tfs, serving_pb2_grpc
from torchserve import inference_pb2 as ts, inference_pb2_grpc, management_pb2 as tsm, management_pb2_grpc

main, inference, management = (grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]) for port in sys.argv[1:4])
jpeg = open(sys.argv[4], "rb").read()
seen = {}


def code_of(call):
    try:
        call()
        return "OK"
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"


kserve = oip_pb2_grpc.GRPCInferenceServiceStub(main)
zeros = struct.pack("<784f", *([0.0] * 784))


def infer(name="mnist", datatype="FP32", shape=(1, 1, 28, 28), raw=zeros, tensor="Input3", version="", id=""):
    request = oip.ModelInferRequest(model_name=name, model_version=version, id=id)
    request.inputs.add(name=tensor, datatype=datatype, shape=shape)
    request.raw_input_contents.append(raw)
    return request


seen["live"] = kserve.ServerLive(oip.ServerLiveRequest()).live
seen["ready"] = kserve.ServerReady(oip.ServerReadyRequest()).ready
seen["modelReady"] = [kserve.ModelReady(oip.ModelReadyRequest(name=name)).ready for name in ("mnist", "nope")]
seen["server"] = kserve.ServerMetadata(oip.ServerMetadataRequest()).name
metadata = kserve.ModelMetadata(oip.ModelMetadataRequest(name="mnist"))
seen["metadata"] = [metadata.inputs[0].name, metadata.inputs[0].datatype, list(metadata.inputs[0].shape), list(metadata.outputs[0].shape)]
answer = kserve.ModelInfer(infer(id="seven"))
seen["raw"] = [answer.id, answer.outputs[0].datatype, list(answer.outputs[0].shape), [round(x, 4) for x in struct.unpack("<10f", answer.raw_output_contents[0])]]
typed = oip.ModelInferRequest(model_name="mnist")
tensor = typed.inputs.add(name="Input3", datatype="FP32", shape=[1, 1, 28, 28])
tensor.contents.fp32_contents.extend([0.0] * 784)
seen["typedAgrees"] = kserve.ModelInfer(typed).raw_output_contents[0] == answer.raw_output_contents[0]
ids = sorted(reply.infer_response.id + reply.error_message for reply in kserve.ModelStreamInfer(iter([infer(id="a"), infer(name="nope", id="b"), infer(id="c")])))
seen["stream"] = ids
seen["errors"] = [
    code_of(lambda: kserve.ModelInfer(infer(name="nope"))), code_of(lambda: kserve.ModelInfer(infer(version="9"))),
    code_of(lambda: kserve.ModelInfer(infer(datatype="INT8"))), code_of(lambda: kserve.ModelInfer(infer(raw=zeros[:-1]))),
    code_of(lambda: kserve.ModelInfer(infer(tensor="other"))), code_of(lambda: kserve.ModelInfer(infer(shape=(2, 1, 28, 28), raw=zeros * 2))),
    code_of(lambda: main.unary_unary("/inference.GRPCInferenceService/ModelInfer")(b"\xff\xff\xff")),
    code_of(lambda: main.unary_unary("/inference.GRPCInferenceService/Absent")(b"")),
]
kserve.RepositoryModelUnload(oip.RepositoryModelUnloadRequest(model_name="mnist"))
seen["unloaded"] = [code_of(lambda: kserve.ModelInfer(infer())), [f"{m.name} {m.state}" for m in kserve.RepositoryIndex(oip.RepositoryIndexRequest()).models]]
kserve.RepositoryModelLoad(oip.RepositoryModelLoadRequest(model_name="mnist"))
seen["loaded"] = kserve.ModelInfer(infer()).raw_output_contents[0] == answer.raw_output_contents[0]

predictions, models = serving_pb2_grpc.PredictionServiceStub(main), serving_pb2_grpc.ModelServiceStub(main)


def predict(name, dtype, shape, key="Input3", **fields):
    request = tfs.PredictRequest()
    request.model_spec.name = name
    request.inputs[key].CopyFrom(tf.TensorProto(dtype=dtype, **fields))
    for size in shape:
        request.inputs[key].tensor_shape.dim.add(size=size)
    return request


ask = tfs.GetModelMetadataRequest(metadata_field=["signature_def"])
ask.model_spec.name = "mob"
signature = tfs.SignatureDefMap()
predictions.GetModelMetadata(ask).metadata["signature_def"].Unpack(signature)
definition = signature.signature_def["serving_default"]
(mob_input,) = definition.inputs
seen["signature"] = [definition.inputs[mob_input].dtype, [dim.size for dim in definition.inputs[mob_input].tensor_shape.dim]]
answer = predictions.Predict(predict("mnist", tf.DT_FLOAT, [1, 1, 28, 28], tensor_content=zeros))
(key,) = answer.outputs
seen["predict"] = [answer.model_spec.version.value, [round(x, 4) for x in struct.unpack("<10f", answer.outputs[key].tensor_content)]]
answer = predictions.Predict(predict("mob", tf.DT_STRING, [2], key=mob_input, string_val=[jpeg, jpeg]))
(key,) = answer.outputs
scores = struct.unpack(f"<{len(answer.outputs[key].tensor_content) // 4}f", answer.outputs[key].tensor_content)
seen["binary"] = [[dim.size for dim in answer.outputs[key].tensor_shape.dim], max(range(1001), key=lambda i: scores[i]), max(range(1001), key=lambda i: scores[1001 + i])]
seen["predictErrors"] = [
    code_of(lambda: predictions.Predict(predict("nope", tf.DT_FLOAT, [1]))),
    code_of(lambda: predictions.Predict(predict("mnist", tf.DT_INT32, [1, 1, 28, 28], tensor_content=zeros))),
    code_of(lambda: predictions.Predict(predict("mnist", tf.DT_FLOAT, [1, 1, 28, 28], key="x", tensor_content=zeros))),
    code_of(lambda: predictions.Predict(predict("mob", tf.DT_STRING, [1], key=mob_input, string_val=[b"no picture"]))),
]
status = tfs.GetModelStatusRequest()
status.model_spec.name = "mnist"
entry = models.GetModelStatus(status).model_version_status[0]
seen["status"] = [entry.version, tfs.ModelVersionStatus.State.Name(entry.state), entry.status.error_message]

torch, manage = inference_pb2_grpc.InferenceAPIsServiceStub(inference), management_pb2_grpc.ManagementAPIsServiceStub(management)
seen["ping"] = json.loads(torch.Ping(empty_pb2.Empty()).health)
seen["prediction"] = list(json.loads(torch.Predictions(ts.PredictionsRequest(model_name="mob", input={"data": jpeg})).prediction))[0]
seen["streamed"] = [list(json.loads(reply.prediction))[0] for reply in torch.StreamPredictions(ts.PredictionsRequest(model_name="mob", input={"data": jpeg}))]
seen["sequence"] = sorted(f"{reply.sequenceId} {reply.status.code}" for reply in torch.StreamPredictions2(iter([ts.PredictionsRequest(model_name="mob", input={"data": jpeg}, sequenceId="1"), ts.PredictionsRequest(model_name="nope", input={"data": jpeg}, sequenceId="2")])))
seen["torchErrors"] = [code_of(lambda: torch.Predictions(ts.PredictionsRequest(model_name="nope", input={"data": jpeg}))), code_of(lambda: torch.Predictions(ts.PredictionsRequest(model_name="mob", input={"data": b"x"})))]
seen["list"] = [model["modelName"] for model in json.loads(manage.ListModels(tsm.ListModelsRequest(limit=10)).msg)["models"]]
seen["describe"] = json.loads(manage.DescribeModel(tsm.DescribeModelRequest(model_name="mob")).msg)[0]["modelVersion"]
seen["manageErrors"] = [code_of(lambda: manage.DescribeModel(tsm.DescribeModelRequest(model_name="nope"))), code_of(lambda: manage.RegisterModel(tsm.RegisterModelRequest(url="../etc/passwd")))]
print(json.dumps(seen))
