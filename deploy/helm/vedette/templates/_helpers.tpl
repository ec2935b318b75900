{{- define "vedette.name" -}}
{{- printf "%s" (ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name)) | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "vedette.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vedette.labels" -}}
{{ include "vedette.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "vedette.serviceAccount" -}}
{{- default (ternary (include "vedette.name" .) "default" .Values.service_account.create) .Values.service_account.name -}}
{{- end -}}

{{- define "vedette.hasViewers" -}}
{{- if and (gt (int .Values.visualizer_service.port) 0) .Values.stream_url }}yes{{ end -}}
{{- end -}}

{{- define "vedette.hasLogin" -}}
{{- if and .Values.visualizer_service.username .Values.visualizer_service.password_secret.name }}yes{{ end -}}
{{- end -}}

{{/* The configuration, as YAML: what the values say, in the words of vedette.yaml. */}}
{{- define "vedette.config" -}}
{{- $streams := deepCopy .Values.streams -}}
{{- $models := deepCopy .Values.models -}}
{{- if .Values.stream_url -}}
{{- $analyse := dict -}}
{{- if .Values.ovms_url -}}
{{- $engine := dict "kind" "tfserving" "addresses" (list .Values.ovms_url) "executors" (int .Values.inference_executors) "binaryInput" .Values.binary_input -}}
{{- if .Values.model_name }}{{ $_ := set $engine "model" .Values.model_name }}{{ end -}}
{{- if gt (int .Values.model_version) 0 }}{{ $_ := set $engine "version" (toString .Values.model_version) }}{{ end -}}
{{- $_ := set $analyse "engine" $engine -}}
{{- end -}}
{{- if .Values.model_name }}{{ $_ := set $analyse "model" .Values.model_name }}{{ end -}}
{{- if .Values.use_case }}{{ $_ := set $analyse "useCase" .Values.use_case }}{{ end -}}
{{- $main := dict "source" .Values.stream_url "buffer" (dict "frames" (int .Values.buffer_size)) -}}
{{- if $analyse }}{{ $_ := set $main "analyse" $analyse }}{{ end -}}
{{- if include "vedette.hasViewers" . -}}
{{- $viewers := dict "kind" "http" "host" "0.0.0.0" "port" (int .Values.visualizer_service.port) -}}
{{- if include "vedette.hasLogin" . }}{{ $_ := set $viewers "username" .Values.visualizer_service.username }}{{ $_ := set $viewers "password" "${VEDETTE_VIEWER_PASSWORD}" }}{{ end -}}
{{- $_ := set $main "outputs" (list $viewers) -}}
{{- end -}}
{{- $_ := set $streams "main" $main -}}
{{- end -}}
{{- if and (not $streams) (not .Values.model_server.enabled) }}{{ fail "nothing to do: set stream_url, streams or model_server.enabled" }}{{ end -}}
{{- toYaml (dict "streams" $streams "models" $models "dataDir" "/var/lib/vedette") -}}
{{- end -}}
