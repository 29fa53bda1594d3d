{{- define "surelabel.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Name of the Deployment; short enough for the suffixes that other objects add. */ -}}
{{- define "surelabel.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "surelabel.name" .) .Release.Name }}
{{- printf "%s-operator" (.Release.Name | trunc 40 | trimSuffix "-") }}
{{- else }}
{{- printf "%s-%s-operator" .Release.Name (include "surelabel.name" .) | trunc 49 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Cluster-scoped objects carry the namespace, so that releases of one name do not collide. */ -}}
{{- define "surelabel.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "surelabel.fullname" .) }}
{{- end }}

{{- define "surelabel.selectorLabels" -}}
app.kubernetes.io/name: {{ include "surelabel.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- /* Of the pod that `helm test` starts; no Service, policy or monitor of the operator selects it. */ -}}
{{- define "surelabel.testLabels" -}}
app.kubernetes.io/name: {{ include "surelabel.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end }}

{{- define "surelabel.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: surelabel
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "surelabel.labels" -}}
{{ include "surelabel.selectorLabels" . }}
{{ include "surelabel.commonLabels" . }}
{{- end }}

{{- /* KubeRay's, of every head and worker. */ -}}
{{- define "surelabel.rayPodLabels" -}}
ray.io/is-ray-node: "yes"
{{- end }}

{{- /* The user is the image's. */ -}}
{{- define "surelabel.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "surelabel.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "surelabel.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* Image of the pods in which stages run, where a job names none. */ -}}
{{- define "surelabel.stageImage" -}}
{{- with .Values.settings.kubeRay.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The operator's settings file. Keys are those of the operator's Settings. */ -}}
{{- define "surelabel.settings" -}}
{{- with .Values.settings -}}
watchNamespaces: {{ toJson $.Values.watchNamespaces }}
rayClusters: {{ toJson .rayClusters }}
rayOrigins: {{ toJson .rayOrigins }}
{{- if .kubeRay.enabled }}
kubeRay:
  image: {{ include "surelabel.stageImage" $ | quote }}
  rayVersion: {{ .kubeRay.rayVersion | quote }}
  images: {{ toJson .kubeRay.images }}
  serviceAccounts: {{ toJson .kubeRay.serviceAccounts }}
  priorityClasses: {{ toJson .kubeRay.priorityClasses }}
{{- end }}
storage:
  localFiles: {{ .storage.localFiles }}
  allowedPrefixes: {{ toJson .storage.allowedPrefixes }}
  endpoints: {{ toJson .storage.endpoints }}
modelEntrypoints: {{ toJson .modelEntrypoints }}
workers: {{ int64 .workers }}
resyncSeconds: {{ int64 .resyncSeconds }}
leaseName: {{ .leaseName | quote }}
release: {{ $.Release.Name | quote }}
metricsPort: {{ int64 $.Values.metrics.port }}
logFormat: {{ .logFormat | quote }}
{{- end }}
{{- end }}

{{- /* What the operator does in a watched namespace, Secrets apart. */ -}}
{{- define "surelabel.jobRules" -}}
- apiGroups: [surelabel.dev]
  resources: [labelingjobs, workteams]
  verbs: [get, list, watch]
# Status only: the operator never writes spec, labels, annotations or finalizers.
- apiGroups: [surelabel.dev]
  resources: [labelingjobs/status, workteams/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.settings.kubeRay.enabled }}
# Children have the LabelingJob as owner, which some clusters allow to those only who could also
# set its finalizers; the operator never does.
- apiGroups: [surelabel.dev]
  resources: [labelingjobs/finalizers]
  verbs: [update]
- apiGroups: [ray.io]
  resources: [rayjobs, rayclusters]
  verbs: [get, list, watch, create, delete]
# To say why a stage's pods do not start, or have ended.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- end }}
{{- end }}

{{- /* By name only: list and watch would show Secrets that nobody named. */ -}}
{{- define "surelabel.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}

{{- define "surelabel.subject" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
