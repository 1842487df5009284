{{/* Labels, security, probes and the arguments that all roles share. */}}
{{- define "yagura.labels" -}}
app.kubernetes.io/name: yagura
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "yagura.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "yagura.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "yagura.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "yagura.env" -}}
- name: STATE_URL
  valueFrom: { secretKeyRef: { name: {{ .Values.stateSecret | quote }}, key: url } }
{{- end }}

{{- define "yagura.envFrom" -}}
{{- if .Values.objectsSecret }}
envFrom:
  - secretRef: { name: {{ .Values.objectsSecret | quote }} }
{{- end }}
{{- end }}

{{- define "yagura.probes" -}}
startupProbe: { httpGet: { path: /healthz, port: status }, periodSeconds: 2, failureThreshold: 150 }
livenessProbe: { httpGet: { path: /healthz, port: status }, periodSeconds: 10, failureThreshold: 6 }
readinessProbe: { httpGet: { path: /readyz, port: status }, periodSeconds: 5, failureThreshold: 2 }
{{- end }}

{{- define "yagura.identity" -}}
- name: identity
  secret: { secretName: {{ .Values.identitySecret | quote }}, defaultMode: 0400 }
{{- end }}
