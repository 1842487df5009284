// Short names for the API's generated types.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Alert = Schemas["Alert"];
export type AlertCounts = Schemas["AlertCounts"];
export type AlertDetail = Schemas["AlertDetail"];
export type AlertPage = Schemas["AlertPage"];
export type AlertStatus = Schemas["AlertStatus"];
export type CatalogueEntry = Schemas["CatalogueEntry"];
export type CountedEvent = Schemas["CountedEvent"];
export type Disposition = Schemas["Disposition"];
export type Device = Schemas["Device"];
export type Evidence = Schemas["Evidence"];
export type EvidenceRef = Schemas["EvidenceRef"];
export type Excerpt = Schemas["Excerpt"];
export type FieldValue = Schemas["FieldValue"];
export type Frame = Schemas["FrameView"];
export type Loss = Schemas["Loss"];
export type Overview = Schemas["Overview"];
export type Problem = Schemas["Problem"];
export type Proof = Schemas["Proof"];
export type RatePoint = Schemas["RatePoint"];
export type RuleView = Schemas["RuleView"];
export type SecurityEvent = Schemas["Event"];
export type SetStatus = Schemas["SetStatus"];
export type Severity = Schemas["SeverityName"];
export type StateSample = Schemas["StateSample"];
export type StatusChange = Schemas["StatusChange"];
export type Text = Schemas["Text"];
export type Tick = Schemas["Tick"];
export type Timeline = Schemas["Timeline"];
export type Vehicle = Schemas["Vehicle"];
export type VehicleDetail = Schemas["VehicleDetail"];
export type VehicleHealth = Schemas["VehicleHealth"];
