#!/usr/bin/python3
"""Writes test/vectors/protocols.json: messages as Google's own protobuf for Python encodes them.

The stubs are made by protoc from src/protocols/*/*.proto, so the vectors hold what the published field numbers and
Google's encoder say, not what our own code does. Run it from the repository root; needs protobuf-compiler and
python3-protobuf. Each vector: the message's full name, its bytes (base64) and what it holds (the JSON mapping).
"""
import base64, json, struct, subprocess, sys, tempfile

from google.protobuf import __version__, json_format

out = tempfile.mkdtemp()
files = ["oip/oip.proto", "tfserving/tensorflow.proto", "tfserving/serving.proto", "torchserve/inference.proto", "torchserve/management.proto", "google/rpc/status.proto"]
subprocess.run(["protoc", "-Isrc/protocols", "-Itest/support/proto", f"--python_out={out}", *files], check=True)
sys.path.insert(0, out)
from oip import oip_pb2 as oip
from tfserving import tensorflow_pb2 as tf, serving_pb2 as tfs
from torchserve import inference_pb2 as ts, management_pb2 as tsm

vectors = []


def add(title, message):
    vectors.append({
        "title": title,
        "message": message.DESCRIPTOR.full_name,
        "bytes": base64.b64encode(message.SerializeToString(deterministic=True)).decode(),
        "value": json_format.MessageToDict(message, preserving_proto_field_name=False),
    })


request = oip.ModelInferRequest(model_name="resnet", model_version="3", id="a-1")
request.parameters["priority"].int64_param = -7
request.parameters["end"].bool_param = False
request.parameters["scale"].double_param = 0.25
request.parameters["big"].uint64_param = 2**64 - 1
request.parameters["name"].string_param = "é"
request.inputs.add(name="image", datatype="FP32", shape=[1, 2, 2])
request.outputs.add(name="scores").parameters["classification"].int64_param = 5
request.raw_input_contents.append(struct.pack("<4f", 0, 1, -2.5, 1e30))
add("infer request, raw contents, every kind of parameter", request)

contents = {
    "BOOL": ("bool_contents", [True, False, True]), "INT8": ("int_contents", [-128, 0, 127]),
    "INT32": ("int_contents", [-2**31, 0, 2**31 - 1]), "INT64": ("int64_contents", [-2**63, 0, 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 1, 255]), "UINT32": ("uint_contents", [0, 1, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 1, 2**64 - 1]), "FP32": ("fp32_contents", [0.0, -1.5, 2.0**20]),
    "FP64": ("fp64_contents", [0.0, 0.1, -1e300]), "BYTES": ("bytes_contents", [b"", b"\xff\xd8\xff", b"abc"]),
}
for datatype, (field, values) in contents.items():
    response = oip.ModelInferResponse(model_name="m", model_version="1")
    output = response.outputs.add(name="y", datatype=datatype, shape=[len(values)])
    getattr(output.contents, field).extend(values)
    add(f"infer response, typed {datatype}", response)

metadata = oip.ModelMetadataResponse(name="m", versions=["1", "2"], platform="onnx")
metadata.inputs.add(name="image", datatype="UINT8", shape=[-1, 3, 224, 224])
metadata.outputs.add(name="scores", datatype="FP16", shape=[-1, 1000])
add("model metadata, dimensions that vary", metadata)
add("stream answer with an error", oip.ModelStreamInferResponse(error_message="no", infer_response=oip.ModelInferResponse(id="9")))
index = oip.RepositoryIndexResponse()
index.models.add(name="m", version="1", state="READY", reason="")
index.models.add(name="n", version="", state="UNAVAILABLE", reason="unloaded")
add("repository index", index)
load = oip.RepositoryModelLoadRequest(model_name="m")
load.parameters["file:1/model.onnx"].bytes_param = b"\x08\x01"
load.parameters["flag"].bool_param = True
add("repository load with parameters", load)
add("server metadata", oip.ServerMetadataResponse(name="s", version="1.0", extensions=["binary_tensor_data", "model_repository"]))
add("everything left out", oip.ModelInferRequest())


def tensor(dtype, shape, **fields):
    message = tf.TensorProto(dtype=dtype, **fields)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


predict = tfs.PredictRequest()
predict.model_spec.name = "person-vehicle-bike-detection"
predict.model_spec.version.value = 2
predict.model_spec.signature_name = "serving_default"
predict.inputs["data"].CopyFrom(tensor(tf.DT_FLOAT, [1, 1, 2, 3], tensor_content=struct.pack("<6f", 0, 1, 2, 253, 254, 255)))
predict.output_filter.append("detection_out")
add("predict, array input", predict)
binary = tfs.PredictRequest()
binary.model_spec.name = "m"
binary.model_spec.version_label = "stable"
binary.inputs["data"].CopyFrom(tensor(tf.DT_STRING, [1], string_val=[b"\xff\xd8\xff\xe0"]))
add("predict, binary input", binary)
for name, dtype, fields in [
    ("float", tf.DT_FLOAT, {"float_val": [1.5, -2]}), ("double", tf.DT_DOUBLE, {"double_val": [0.1, 2]}), ("int32", tf.DT_INT32, {"int_val": [-5, 6]}),
    ("uint8", tf.DT_UINT8, {"int_val": [0, 255]}), ("int64", tf.DT_INT64, {"int64_val": [-2**63, 5]}), ("bool", tf.DT_BOOL, {"bool_val": [True, False]}),
    ("half", tf.DT_HALF, {"half_val": [0x3C00, 0xC000]}), ("uint32", tf.DT_UINT32, {"uint32_val": [1, 2**32 - 1]}), ("uint64", tf.DT_UINT64, {"uint64_val": [1, 2**64 - 1]}),
]:
    response = tfs.PredictResponse()
    response.model_spec.name = "m"
    response.outputs["y"].CopyFrom(tensor(dtype, [2], **fields))
    add(f"predict answer, {name} values", response)

signature = tfs.SignatureDefMap()
info = signature.signature_def["serving_default"]
info.method_name = "tensorflow/serving/predict"
info.inputs["data"].name = "data"
info.inputs["data"].dtype = tf.DT_FLOAT
for size in (1, -1, 512, 3):
    info.inputs["data"].tensor_shape.dim.add(size=size)
info.outputs["out"].name = "out"
info.outputs["out"].dtype = tf.DT_INT64
info.outputs["out"].tensor_shape.dim.add(size=7)
add("signature map", signature)
answer = tfs.GetModelMetadataResponse()
answer.model_spec.name = "m"
answer.metadata["signature_def"].type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
answer.metadata["signature_def"].value = signature.SerializeToString(deterministic=True)
# An Any inside a map has no JSON form without its type; the bytes are what counts.
vectors.append({"title": "metadata answer", "message": answer.DESCRIPTOR.full_name, "bytes": base64.b64encode(answer.SerializeToString(deterministic=True)).decode(), "value": None})
status = tfs.GetModelStatusResponse()
entry = status.model_version_status.add(version=3, state=tfs.ModelVersionStatus.AVAILABLE)
entry.status.error_code = 0
entry.status.error_message = "OK"
add("model status", status)

prediction = ts.PredictionsRequest(model_name="resnet-18", model_version="1.0", sequenceId="s")
prediction.input["data"] = b"\xff\xd8"
add("torchserve prediction", prediction)
result = ts.PredictionResponse(prediction=b'{"tabby": 0.5}', sequenceId="s")
result.status.code = 3
result.status.message = "bad"
add("torchserve answer", result)
add("torchserve health", ts.TorchServeHealthResponse(health='{"status": "Healthy"}'))
add("register", tsm.RegisterModelRequest(batch_size=4, handler="h", initial_workers=1, max_batch_delay=5000, model_name="n", response_timeout=120, runtime="python", synchronous=True, url="n.mar", s3_sse_kms=True, startup_timeout=60))
add("scale", tsm.ScaleWorkerRequest(model_name="n", model_version="1", max_worker=4, min_worker=2, number_gpu=1, synchronous=True, timeout=-1))
add("describe", tsm.DescribeModelRequest(model_name="n", model_version="all", customized=True))
add("list", tsm.ListModelsRequest(limit=10, next_page_token=20))

origin = f"protoc and protobuf {__version__} for Python, from src/protocols/*/*.proto, by test/support/protocols/make-vectors.py"
with open("test/vectors/protocols.json", "w") as file:
    json.dump({"origin": origin, "vectors": vectors}, file, indent=1, ensure_ascii=False)
    file.write("\n")
