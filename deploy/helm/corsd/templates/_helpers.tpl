{{- define "corsd.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{- /* The name of all objects: that of the release if it contains the chart's name. At most 53 characters, so that
       -webhook and -policy fit. */ -}}
{{- define "corsd.fullname" -}}
{{- $name := include "corsd.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "corsd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "corsd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "corsd.labels" -}}
{{ include "corsd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{- define "corsd.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "corsd.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "corsd.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "corsd.policyConfigMap" -}}
{{- default (printf "%s-policy" (include "corsd.fullname" .)) .Values.policies.existingConfigMap -}}
{{- end -}}

{{- define "corsd.tlsSecret" -}}
{{- default (printf "%s-tls" (include "corsd.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{- /* The namespace whose policies are read, "" for all. */ -}}
{{- define "corsd.policyNamespace" -}}
{{- if not .Values.kubernetes.allNamespaces -}}
{{- default .Release.Namespace .Values.kubernetes.namespace -}}
{{- end -}}
{{- end -}}

{{- /* Cluster-scoped objects are named after the release and its namespace. */ -}}
{{- define "corsd.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "corsd.fullname" .) -}}
{{- end -}}

{{- /* Combinations of values that do not work, which a schema would report without a reason. */ -}}
{{- define "corsd.check" -}}
{{- $v := .Values -}}
{{- $sidecar := eq $v.shape "sidecar" -}}
{{- if eq $v.policies.source "configMap" -}}
{{-   if and $v.policies.files $v.policies.existingConfigMap -}}
{{-     fail "policies.files and policies.existingConfigMap exclude each other: set one of them" -}}
{{-   end -}}
{{-   if not (or $v.policies.files $v.policies.existingConfigMap) -}}
{{-     fail "policies.source is configMap, but there are no policies: set policies.files or policies.existingConfigMap" -}}
{{-   end -}}
{{-   if $v.kubernetes.webhook.enabled -}}
{{-     fail "kubernetes.webhook.enabled needs policies.source: kubernetes" -}}
{{-   end -}}
{{- else -}}
{{-   if or $v.policies.files $v.policies.existingConfigMap -}}
{{-     fail "policies.files and policies.existingConfigMap need policies.source: configMap" -}}
{{-   end -}}
{{-   if and $v.kubernetes.allNamespaces $v.kubernetes.namespace -}}
{{-     fail "kubernetes.namespace and kubernetes.allNamespaces exclude each other: set one of them" -}}
{{-   end -}}
{{-   if and $v.kubernetes.webhook.enabled (not $v.tls.enabled) -}}
{{-     fail "kubernetes.webhook.enabled needs tls.enabled: the API server calls webhooks with TLS" -}}
{{-   end -}}
{{-   if and $v.kubernetes.webhook.enabled $v.tls.existingSecret (not $v.kubernetes.webhook.caBundle) -}}
{{-     fail "kubernetes.webhook.enabled with tls.existingSecret needs kubernetes.webhook.caBundle, the authority of its certificate" -}}
{{-   end -}}
{{-   if and $sidecar (not $v.sidecar.serviceAccount) -}}
{{-     fail "shape: sidecar with policies.source: kubernetes needs sidecar.serviceAccount, that of the gateway's pods" -}}
{{-   end -}}
{{- end -}}
{{- if $v.tls.enabled -}}
{{-   if and $v.tls.existingSecret $v.tls.certManager.issuerRef -}}
{{-     fail "tls.existingSecret and tls.certManager.issuerRef exclude each other: set one of them" -}}
{{-   end -}}
{{-   if not (or $v.tls.existingSecret $v.tls.certManager.issuerRef.name) -}}
{{-     fail "tls.enabled needs a certificate: set tls.existingSecret or tls.certManager.issuerRef.name" -}}
{{-   end -}}
{{-   if and $v.tls.clients.ids (not $v.tls.clients.verify) -}}
{{-     fail "tls.clients.ids needs tls.clients.verify" -}}
{{-   end -}}
{{- end -}}
{{- if $sidecar -}}
{{-   if or $v.tls.enabled $v.static.enabled $v.autoscaling.enabled $v.kubernetes.webhook.enabled -}}
{{-     fail "shape: sidecar has no Service and scales with the gateway: tls, static, autoscaling and kubernetes.webhook need shape: gateway" -}}
{{-   end -}}
{{- else if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{-   fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}

{{- /* The flags of both shapes, without the addresses. */ -}}
{{- define "corsd.sharedArgs" -}}
{{- if eq .Values.policies.source "configMap" }}
- --policy=/etc/corsd
{{- else }}
- --kubernetes
{{-   if .Values.kubernetes.targets }}
- --kubernetes-targets
{{-   end }}
{{-   with include "corsd.policyNamespace" . }}
- --kubernetes-namespace={{ . }}
{{-   end }}
{{-   if and .Values.kubernetes.allNamespaces (not .Values.kubernetes.hostGrants) }}
- --kubernetes-host-grants=false
{{-   end }}
{{-   with .Values.kubernetes.selector }}
- {{ printf "--kubernetes-selector=%s" . | quote }}
{{-   end }}
{{- end }}
- --snapshot=/var/lib/corsd/snapshot.yaml
{{- if ne .Values.logLevel "info" }}
- --log-level={{ .Values.logLevel }}
{{- end }}
{{- with .Values.maxStreams }}
- --max-streams={{ int64 . }}
{{- end }}
{{- range .Values.adminHosts }}
- --admin-host={{ . }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "corsd.snapshotVolume" -}}
{{- toYaml (default (dict "emptyDir" (dict "sizeLimit" "64Mi")) .Values.snapshot.volume) -}}
{{- end -}}

{{- define "corsd.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "corsd.livenessProbe" -}}
# Not by gRPC: a restart does not help a corsd that reports NOT_SERVING.
httpGet: { path: /livez, port: admin }
periodSeconds: 10
timeoutSeconds: 5
failureThreshold: 3
{{- end -}}
