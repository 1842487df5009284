// The API's types, made from openapi.json by `npm run api`. Do not edit.

export interface paths {
    "/api/v1/advisories/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A vulnerability by any of its ids: what sources say, and which products and vehicles have it. */
        get: operations["advisory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Alerts, newest first. */
        get: operations["alerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One alert with everything that explains it. */
        get: operations["alert"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/frames": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The frames around an alert's events. */
        get: operations["alert_frames"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set an alert's status; to close it, say what it turned out to be. */
        post: operations["set_alert_status"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/catalogue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What each event means. */
        get: operations["catalogue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/components": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Which product versions hold a component. */
        get: operations["components"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/decisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Decisions, the newest first. */
        get: operations["decisions"];
        put?: never;
        /** Decide on a finding. */
        post: operations["decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/decisions/{id}/undo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Undo a decision: findings stand as they would without it. */
        post: operations["undo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/evidence/reads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who read evidence, newest first. */
        get: operations["evidence_reads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/evidence/{position}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One record and its proof. */
        get: operations["evidence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/evidence/{position}/raw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The bytes of one record, as received. */
        get: operations["evidence_raw"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/findings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Findings, what to look at first before the rest. */
        get: operations["findings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/findings/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What changed since a time. */
        get: operations["changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/findings/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One finding with everything that explains it. */
        get: operations["finding"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hunts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The hunts of this server that are remembered, the newest first, without what they found. */
        get: operations["hunts"];
        put?: never;
        /** Begin a hunt: rules over the events in the lake, compared with the alerts that there were. */
        post: operations["begin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hunts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One hunt: how far it is, or what it found. */
        get: operations["hunt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hunts/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop a hunt. It ends within a batch of rows; what it found is not told. */
        post: operations["stop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/incidents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Incidents that stand by themselves, gravest or newest first. */
        get: operations["incidents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/incidents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One incident with everything that explains it. */
        get: operations["one"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/incidents/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set an incident's status. */
        post: operations["set_incident_status"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in. */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The fleet at a glance. */
        get: operations["overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/people": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** People in charge, and of which components. */
        get: operations["people"];
        put?: never;
        /** Add somebody, or change who has this e-mail address. */
        post: operations["set_person"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/people/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say who is in charge of components whose package URLs begin in some way. */
        post: operations["set_route"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The portfolio: products with what waits for somebody. */
        get: operations["products"];
        put?: never;
        /** Add a product, or change the one of this name. */
        post: operations["set_product"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A product with its versions. */
        get: operations["product"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products/{id}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Add a version of a product, or say how many vehicles run it. */
        post: operations["set_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/query": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A question in SQL: one SELECT over events, alerts, vehicle_state. */
        post: operations["query"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The rules that are active, how often each was right, what it costs, and the exceptions. */
        get: operations["rules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One rule, with its text and its tests. */
        get: operations["rule"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Trade a one-time token for a session. */
        post: operations["sign_in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the session. */
        post: operations["sign_out"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happens now. */
        get: operations["stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/vehicles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All vehicles. */
        get: operations["vehicles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/vehicles/{vehicle}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One vehicle with its sensors. */
        get: operations["vehicle"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/vehicles/{vehicle}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A vehicle's security events over its state. */
        get: operations["timeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/versions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A version of a product, with what is known of its SBOM. */
        get: operations["version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/versions/{id}/sbom": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Upload the SBOM of a version, in any format, compressed or not, of at most 64 MiB. It is matched at once. */
        post: operations["put_sbom"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/versions/{id}/vex": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a version of a product says of its vulnerabilities, for those who use it. */
        get: operations["vex"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A vulnerability: what sources say of it, and which products have it. */
        AdvisoryDetail: {
            /** @description Findings of it, at most 500, those that wait for somebody first. */
            findings: components["schemas"]["Finding"][];
            /** @description The id that was asked for. */
            id: string;
            /** @description What each source says. */
            records: components["schemas"]["AdvisoryRecord"][];
            /**
             * Format: int64
             * @description Vehicles that run these.
             */
            vehicles: number;
            /**
             * Format: int64
             * @description Product versions that have it and are not known to be unaffected or fixed.
             */
            versions: number;
        };
        /** @description What one source says of a vulnerability. */
        AdvisoryRecord: {
            /** @description More lines. */
            description: string;
            /** @description The document that holds it. */
            document?: string;
            /** @description Its id there. */
            id: string;
            /** @description What else there is to read. */
            references: string[];
            /** @description What to do, as the source says it. */
            remedies: string[];
            /** @description Scores. */
            scores: components["schemas"]["GivenScore"][];
            /** @description The source. */
            source: string;
            /** @description One line. */
            title: string;
            /** @description CWE numbers. */
            weaknesses: number[];
            withdrawn?: components["schemas"]["Time"];
        };
        /** @description One rule's hit for one group and window, deduplicated and counted. */
        Alert: {
            /**
             * Format: int64
             * @description Events (for a correlation: how often it fired).
             */
            count: number;
            disposition?: components["schemas"]["Disposition"];
            /** @description Event time of the first event. */
            first_time: components["schemas"]["Time"];
            /** @description 64 hexadecimal digits. */
            id: string;
            /** @description Event time of the last event. */
            last_time: components["schemas"]["Time"];
            late?: components["schemas"]["Time"];
            /** @description UUID of the rule. */
            rule_id: string;
            /** @description Level of the rule. */
            severity: components["schemas"]["SeverityName"];
            /** @description Whether people hear of it. */
            stage: components["schemas"]["StageName"];
            /** @description Where it stands. */
            status: components["schemas"]["AlertStatus"];
            /** @description ATT&CK technique of the rule, such as `T0855`. */
            technique?: string;
            /** @description Title of the rule. */
            title: components["schemas"]["Text"];
            /** @description The vehicle, when the alert is about one. */
            vehicle?: string;
            /**
             * Format: int64
             * @description Vehicles concerned, as far as known: those among its kept events, or as many as the rule counted.
             */
            vehicle_count: number;
        };
        /** @description Alerts by severity. */
        AlertCounts: {
            /**
             * Format: int64
             * @description Wake someone.
             */
            critical: number;
            /**
             * Format: int64
             * @description Look now.
             */
            high: number;
            /**
             * Format: int64
             * @description Worth keeping.
             */
            informational: number;
            /**
             * Format: int64
             * @description Look when there is time.
             */
            low: number;
            /**
             * Format: int64
             * @description Look today.
             */
            medium: number;
        };
        /** @description One alert with everything that explains it. */
        AlertDetail: {
            /** @description The alert. */
            alert: components["schemas"]["Alert"];
            /** @description Of an alert that counts what other rules find: why each of its events counts. */
            counted: components["schemas"]["CountedEvent"][];
            /** @description The kept events, oldest first; at most 16. */
            events: components["schemas"]["Event"][];
            /** @description The vault records behind the kept events. */
            evidence: components["schemas"]["EvidenceRef"][];
            /** @description What the alert groups by. */
            group: components["schemas"]["FieldValue"][];
            /** @description What people did with it, oldest first. */
            history: components["schemas"]["StatusChange"][];
            /** @description The incidents that it belongs to: its story, and the wave if it is part of one; what stands in the list first. */
            incidents: components["schemas"]["Incident"][];
            /** @description Which fields matched with which values. */
            matched: components["schemas"]["FieldValue"][];
            /** @description The rule that raised it. */
            rule: components["schemas"]["RuleView"];
            /** @description What to do now. */
            what_to_do: components["schemas"]["Text"];
            /** @description Why it fired. */
            why: components["schemas"]["Text"];
        };
        /** @description The frames around an alert's events. */
        AlertFrames: {
            /** @description One for each kept event whose report carries frames. */
            excerpts: components["schemas"]["Excerpt"][];
        };
        /** @description A page of alerts, newest first. */
        AlertPage: {
            /** @description The alerts. */
            alerts: components["schemas"]["Alert"][];
            /** @description Give it as `cursor` for the next page; absent on the last one. */
            next?: string;
        };
        /**
         * @description Where an alert stands.
         * @enum {string}
         */
        AlertStatus: "open" | "acknowledged" | "closed";
        /** @description One event of the catalogue. */
        CatalogueEntry: {
            /** @description `0x8001`. */
            event_id: string;
            /** @description Unit of `expected`. */
            expected_unit?: string;
            /** @description What it means. */
            meaning: components["schemas"]["Text"];
            /** @description Unit of `observed`. */
            observed_unit?: string;
            /** @description How bad it may be. */
            severity: components["schemas"]["SeverityName"];
            /** @description Symbol. */
            symbol: string;
            /** @description ATT&CK technique. */
            technique?: string;
            /** @description Short title. */
            title: components["schemas"]["Text"];
            /** @description What to do. */
            what_to_do: components["schemas"]["Text"];
        };
        /** @description The event catalogue. */
        CatalogueView: {
            /** @description By event id. */
            events: components["schemas"]["CatalogueEntry"][];
        };
        /** @description Components, and who holds them. */
        ComponentList: {
            /** @description At most 500. */
            components: components["schemas"]["HeldComponent"][];
        };
        /** @description What a rule costs. */
        Cost: {
            /**
             * Format: int64
             * @description So many events were measured.
             */
            events: number;
            /**
             * Format: double
             * @description Nanoseconds an event of what only this rule causes.
             */
            ns: number;
            /**
             * Format: double
             * @description Its share of all judging, 0 to 1.
             */
            share: number;
        };
        /** @description Why one event counts for an alert. */
        CountedEvent: {
            /**
             * Format: int32
             * @description Which entry of the report.
             */
            entry_index: number;
            /**
             * Format: int64
             * @description Position of its report in the vault.
             */
            position: number;
            /** @description Title of the rule that found it. */
            rule: components["schemas"]["Text"];
            /** @description Why that rule did. */
            why: components["schemas"]["Text"];
        };
        /** @description What somebody decides on a finding. */
        Decide: {
            /** @description Whatever component has the vulnerability; else the finding's component alone. */
            any_component?: boolean;
            /** @description The finding. */
            finding: string;
            /** @description Why it is not affected, in the words of OpenVEX: `vulnerable_code_not_present`. */
            justification?: string;
            /** @description Why, in words. */
            reason: string;
            /** @description For what it holds. */
            scope: components["schemas"]["DecisionScope"];
            /** @description What. */
            status: components["schemas"]["VexStatus"];
            /** @description From when it holds no more, RFC 3339. */
            until?: string;
            /** @description Only these versions of the component: `<1.3`, `vers:deb/>=1.2|<1.3`. */
            versions?: string;
        };
        /** @description A decision. */
        Decision: {
            /** @description On which component; absent: any. */
            component?: string;
            /** @description 64 hexadecimal digits. */
            id: string;
            /** @description Why it is not affected. */
            justification?: string;
            /** @description Why it does not hold for the finding that was asked for; absent if it holds, or none was asked for. */
            not_held?: string;
            /** @description The product, version or line of the scope. */
            of?: string;
            /** @description Why, in words. */
            reason: string;
            /** @description For what it holds. */
            scope: components["schemas"]["DecisionScope"];
            /** @description What. */
            status: components["schemas"]["VexStatus"];
            /** @description When. */
            time: components["schemas"]["Time"];
            /** @description By whom. */
            undone_by?: string;
            undone_time?: components["schemas"]["Time"];
            until?: components["schemas"]["Time"];
            /** @description Who decided. */
            user: string;
            /** @description On which of its versions; absent: all. */
            versions?: string;
            /** @description On which vulnerability. */
            vulnerability: string;
        };
        /** @description Decisions. */
        DecisionList: {
            /** @description The newest first, at most 1,000. */
            decisions: components["schemas"]["Decision"][];
        };
        /**
         * @description For what a decision holds.
         * @enum {string}
         */
        DecisionScope: "version" | "product" | "line" | "portfolio";
        /** @description One enrolled sensor. */
        Device: {
            /**
             * Format: int64
             * @description Boot of the last report.
             */
            boot?: number;
            /** @description When its certificate ends. */
            certificate_expires: components["schemas"]["Time"];
            /** @description When it enrolled. */
            enrolled_time: components["schemas"]["Time"];
            last_seen?: components["schemas"]["Time"];
            /** @description What its reports say they lost, and reports that never came. */
            losses: components["schemas"]["DeviceLosses"];
            /** @description Sensor name. */
            sensor: string;
            /**
             * Format: int64
             * @description Sequence of the last report in its boot.
             */
            sequence?: number;
        };
        /** @description What one sensor lost. */
        DeviceLosses: {
            /**
             * Format: int64
             * @description Security events.
             */
            events: number;
            /**
             * Format: int64
             * @description Frame excerpts.
             */
            excerpts: number;
            /**
             * Format: int64
             * @description Frames not looked at.
             */
            frames: number;
            /**
             * Format: int64
             * @description Reports that the server misses, by their numbers.
             */
            missing: number;
            /**
             * Format: int64
             * @description Reports that its spool dropped.
             */
            reports: number;
        };
        /**
         * @description What an alert turned out to be; OCSF's verdicts.
         * @enum {string}
         */
        Disposition: "true_positive" | "false_positive" | "benign" | "insufficient_data";
        /** @description One qualified security event. */
        Event: {
            /**
             * Format: int32
             * @description Which bus.
             */
            bus?: number;
            /** @description Identifier: 3 hexadecimal digits (11 bits) or 8 (29 bits). */
            can_id?: string;
            /**
             * Format: int32
             * @description How many happenings it stands for.
             */
            count: number;
            /**
             * Format: int32
             * @description Which entry of the report.
             */
            entry_index: number;
            /** @description Id in the event catalogue, `0x8001`. */
            event_id: string;
            /** @description Symbol in the event catalogue. */
            event_name: string;
            /**
             * Format: int64
             * @description What is allowed, in the unit that the catalogue states.
             */
            expected?: number;
            /** @description Gear then. */
            gear?: string;
            /**
             * Format: int64
             * @description What was seen, in the unit that the catalogue states.
             */
            observed?: number;
            /** @description Data of the frame, hexadecimal. */
            payload?: string;
            /**
             * Format: int64
             * @description Position of its report in the vault.
             */
            position: number;
            /** @description Receive time, by the server's clock. */
            received_time: components["schemas"]["Time"];
            /** @description Sensor. */
            sensor: string;
            /** @description Severity in the event catalogue. */
            severity: components["schemas"]["SeverityName"];
            /**
             * Format: double
             * @description Speed of the vehicle then.
             */
            speed_kmh?: number;
            /** @description Event time, by the vehicle's clock. */
            time: components["schemas"]["Time"];
            /** @description Title in the event catalogue. */
            title: components["schemas"]["Text"];
            /** @description Vehicle. */
            vehicle: string;
        };
        /** @description One vault record and the proof that it is in the log. */
        Evidence: {
            /**
             * Format: int64
             * @description How many records of its partition are archived, while there is no proof.
             */
            archived?: number;
            /** @description Who sent it: `tenant/vehicle/sensor`. */
            device?: string;
            /** @description What it is. */
            kind: components["schemas"]["EvidenceKind"];
            /**
             * Format: int64
             * @description Position in the vault.
             */
            position: number;
            proof?: components["schemas"]["Proof"];
            /** @description When it was received. */
            received_time: components["schemas"]["Time"];
            report?: components["schemas"]["ReportHeader"];
            /** @description SHA-256 of the bytes, hexadecimal. */
            sha256: string;
            /** @description Whether the signature holds. */
            signature: components["schemas"]["SignatureState"];
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        /**
         * @description What a vault record is.
         * @enum {string}
         */
        EvidenceKind: "report" | "enrolment" | "anomaly" | "foreign" | "logs";
        /** @description A read of evidence, as the vault has it on record. */
        EvidenceRead: {
            /** @description What, in words. */
            asked: string;
            /** @description Who read. */
            by: string;
            /** @description When it was read first. */
            first: components["schemas"]["Time"];
            /** @description Through what. */
            how: string;
            /** @description When it was read last. */
            last: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Position of that record in the vault.
             */
            position: number;
            /** @description When it was recorded. */
            recorded: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description How many records.
             */
            records: number;
            /**
             * Format: int64
             * @description How many times.
             */
            times: number;
            /** @description Why, as the reader said. */
            why?: string;
        };
        /** @description Who read evidence, in a stretch of the vault. */
        EvidenceReads: {
            /**
             * Format: int64
             * @description Where to look for older ones; absent at the beginning of the vault.
             */
            before?: number;
            /** @description The reads, newest first. */
            reads: components["schemas"]["EvidenceRead"][];
        };
        /** @description Where evidence lies. */
        EvidenceRef: {
            /**
             * Format: int64
             * @description Position in the vault.
             */
            position: number;
            /** @description When it was received. */
            received_time: components["schemas"]["Time"];
            /** @description SHA-256 of the record's payload, hexadecimal. */
            sha256: string;
        };
        /** @description A filter that narrows rules. */
        ExceptionView: {
            /** @description Whether that time is over. */
            expired: boolean;
            expires?: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Matches that it hid in these days: pairs of rule and event.
             */
            hidden: number;
            /** @description Its id. */
            id: string;
            /** @description Who answers for it. */
            owner?: string;
            /** @description The file it came from. */
            path: string;
            /** @description Why it is right not to hear of it; absent if the filter does not say. */
            reason?: string;
            /** @description Ids of the rules that it narrows. */
            rules: string[];
            /** @description One line. */
            title: string;
        };
        /** @description The frames around one event. */
        Excerpt: {
            /**
             * Format: int32
             * @description Which entry of the report is the event.
             */
            entry_index: number;
            /** @description Event time. */
            event_time: components["schemas"]["Time"];
            /** @description The frames, oldest first. */
            frames: components["schemas"]["FrameView"][];
            /**
             * Format: int64
             * @description Position of the report in the vault.
             */
            position: number;
        };
        /** @description A field and its value. */
        FieldValue: {
            /** @description Column of the events table. */
            field: string;
            /** @description Its value as text. */
            value: string;
        };
        /** @description A vulnerability of a component of a product version. */
        Finding: {
            /** @description All its ids. */
            aliases: string[];
            /** @description Why that is so; empty if nobody decided. */
            because: string;
            /** @description When it last changed. */
            changed_time: components["schemas"]["Time"];
            /** @description The component. */
            component: string;
            /** @description Its version. */
            component_version?: string;
            /**
             * Format: int32
             * @description How sure, in percent.
             */
            confidence: number;
            /**
             * Format: double
             * @description Probability that it will be exploited within 30 days (EPSS).
             */
            epss?: number;
            /** @description Whether it is known to be exploited (KEV). */
            exploited: boolean;
            /** @description When it was first found. */
            first_time: components["schemas"]["Time"];
            /** @description The first version known to hold a fix. */
            fixed_in?: string;
            /** @description 64 hexadecimal digits. */
            id: string;
            /** @description The package that led there. */
            identity: string;
            /** @description By which way. */
            method: string;
            /** @description Who is in charge. */
            owner?: string;
            /** @description Its package URL. */
            purl?: string;
            /** @description The range in words, as the surest source says it. */
            range: string;
            /** @description Why, in sentences. */
            reason: string;
            /**
             * Format: double
             * @description CVSS, the gravest of the sources.
             */
            score?: number;
            /** @description How bad; `informational` if nobody says. */
            severity: components["schemas"]["SeverityName"];
            /** @description Where it stands. */
            state: components["schemas"]["FindingStateName"];
            /** @description How the product stands to it. */
            status: components["schemas"]["VexStatus"];
            /** @description One line. */
            title: string;
            /** @description Which version of which product. */
            version: components["schemas"]["VersionName"];
            /** @description The id that all sources share. */
            vulnerability: string;
        };
        /**
         * @description What became of a finding.
         * @enum {string}
         */
        FindingChange: "appeared" | "gone" | "changed" | "decided" | "decision_ended";
        /** @description One finding with everything that explains it. */
        FindingDetail: {
            /** @description Decisions on the vulnerability, the newest first, each with why it does not hold here. */
            decisions: components["schemas"]["Decision"][];
            /** @description The finding. */
            finding: components["schemas"]["Finding"];
            /** @description What became of it, oldest first. */
            history: components["schemas"]["FindingEvent"][];
            /** @description What each source says, the surest first. */
            sources: components["schemas"]["FindingSource"][];
        };
        /** @description Something that changed. */
        FindingEvent: {
            /** @description What became of it. */
            change: components["schemas"]["FindingChange"];
            /** @description What exactly. */
            detail: string;
            /** @description Which finding. */
            finding: string;
            /** @description When. */
            time: components["schemas"]["Time"];
            /** @description Who; empty: the server. */
            user: string;
        };
        /** @description What changed since a time. */
        FindingEventList: {
            /** @description Oldest first, at most 1,000. */
            events: components["schemas"]["FindingEvent"][];
        };
        /** @description A page of findings. */
        FindingPage: {
            /** @description The findings. */
            findings: components["schemas"]["Finding"][];
            /** @description Give it as `cursor` for the next page; absent on the last one. */
            next?: string;
        };
        /** @description What one source says. */
        FindingSource: {
            /** @description The advisory's id there. */
            advisory: string;
            /** @description Who says so within it. */
            by: string;
            /**
             * Format: int32
             * @description How sure, in percent.
             */
            confidence: number;
            /** @description The document that holds it. */
            document?: string;
            /** @description The first version known to hold a fix. */
            fixed_in?: string;
            /** @description The package that led there. */
            identity: string;
            /** @description By which way. */
            method: string;
            /** @description The range in words. */
            range: string;
            /** @description Why. */
            reason: string;
            /** @description What it must run on for the rest to hold. */
            running_on: string[];
            /** @description Scores. */
            scores: components["schemas"]["GivenScore"][];
            /** @description The source. */
            source: string;
        };
        /**
         * @description Where a finding stands.
         * @enum {string}
         */
        FindingStateName: "open" | "triaged" | "decided" | "fixed" | "gone";
        /** @description Fleet health. */
        FleetHealth: {
            /** @description By model. */
            models: components["schemas"]["ModelHealth"][];
            /**
             * Format: int64
             * @description Those heard of lately.
             */
            reporting: number;
            /**
             * Format: int64
             * @description Those not heard of lately, or never.
             */
            silent: number;
            /**
             * Format: int64
             * @description All enrolled vehicles.
             */
            vehicles: number;
        };
        /** @description One frame on a bus. */
        FrameView: {
            /**
             * Format: int32
             * @description Which bus.
             */
            bus: number;
            /** @description Data, hexadecimal. */
            data: string;
            /** @description Identifier: 3 hexadecimal digits (11 bits) or 8 (29 bits). */
            id: string;
            /** @description `data`, `fd`, `remote` or `error`. */
            kind: string;
            /** @description Whether the event is about this frame's identifier on this bus. */
            marked: boolean;
            /** @description When. */
            time: components["schemas"]["Time"];
        };
        /** @description A score and who gave it. */
        GivenScore: {
            /** @description Who gave it. */
            by: string;
            /**
             * Format: double
             * @description Its value, if it is a CVSS vector.
             */
            value?: number;
            /** @description The CVSS vector, or another system's word. */
            vector: string;
        };
        /** @description A component of a product version. */
        HeldComponent: {
            /** @description Which version of which product. */
            held_by: components["schemas"]["VersionName"];
            /** @description Whether advisories can be found for it. */
            identified: boolean;
            /** @description Its name. */
            name: string;
            /** @description Who is in charge of it. */
            owner?: string;
            /** @description Its package URL. */
            purl?: string;
            /** @description Its version. */
            version?: string;
        };
        /** @description A hunt. */
        Hunt: {
            /**
             * Format: int64
             * @description Events read so far.
             */
            events: number;
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            outcome?: components["schemas"]["HuntOutcome"];
            /**
             * Format: int64
             * @description Thousandths of the work that are done.
             */
            permille: number;
            /** @description Why it failed. */
            problem?: string;
            /** @description Where it stands. */
            state: components["schemas"]["HuntState"];
        };
        /** @description An alert that would have been raised. */
        HuntAlert: {
            /**
             * Format: int64
             * @description Its events.
             */
            count: number;
            /**
             * Format: date-time
             * @description Time of its first event.
             */
            first: string;
            /** @description What its events have in common: field and value. */
            group: [
                string,
                string
            ][];
            /**
             * Format: date-time
             * @description Time of its last event.
             */
            last: string;
            /** @description What its rule asked about, as it was. */
            matched: [
                string,
                string
            ][];
            /** @description The vehicle, unless it is about several. */
            vehicle?: string;
        };
        /** @description What a hunt found. */
        HuntOutcome: {
            /**
             * Format: double
             * @description Processor time of its reading and judging, in seconds.
             */
            cpu_seconds: number;
            /**
             * Format: int64
             * @description Events read.
             */
            events: number;
            /** @description Every rule, those with alerts first, then by title. */
            rules: components["schemas"]["RuleOutcome"][];
            /**
             * Format: double
             * @description How long it took, in seconds.
             */
            wall_seconds: number;
        };
        /** @description What to hunt for. */
        HuntRequest: {
            /** @description Alerts whose window begins in or after this hour, RFC 3339; from the first event if absent. */
            from?: string;
            /** @description Sigma rules, YAML, several documents if need be; the active rules if absent. */
            rules?: string;
            /** @description Alerts whose window begins in or before this hour, RFC 3339; to the last event if absent. */
            to?: string;
        };
        /**
         * @description Where a hunt stands.
         * @enum {string}
         */
        HuntState: "running" | "done" | "stopped" | "failed";
        /** @description Hunts, the newest first. */
        Hunts: {
            /** @description The hunts, without what they found. */
            hunts: components["schemas"]["Hunt"][];
        };
        /** @description Alerts that belong together. */
        Incident: {
            /**
             * Format: int64
             * @description How many alerts.
             */
            alert_count: number;
            /** @description Event time of the first event. */
            first_time: components["schemas"]["Time"];
            /** @description 64 hexadecimal digits. */
            id: string;
            /** @description What kind. */
            kind: components["schemas"]["IncidentKind"];
            /** @description Event time of the last event. */
            last_time: components["schemas"]["Time"];
            /** @description When the server put it together. */
            opened_time: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description How many rules.
             */
            rule_count: number;
            /**
             * Format: int32
             * @description 0 to 100: which one to look at first.
             */
            score: number;
            /** @description How bad that is. */
            severity: components["schemas"]["SeverityName"];
            /** @description Where it stands. */
            status: components["schemas"]["AlertStatus"];
            /** @description What happens, and to whom. */
            title: components["schemas"]["Text"];
            /**
             * Format: int64
             * @description Vehicles concerned, as far as known: those that alerts name, or as many as a rule counted.
             */
            vehicle_count: number;
        };
        /** @description One incident with everything that explains it. */
        IncidentDetail: {
            /** @description Its alerts by time of their events, at most 200. */
            alerts: components["schemas"]["Alert"][];
            /** @description What else its alerts group by (control units, identifiers, accounts, addresses), at most 200. */
            entities: components["schemas"]["FieldValue"][];
            /** @description What became of its status, oldest first; without a name, the server opened it again. */
            history: components["schemas"]["StatusChange"][];
            /** @description The incident; if the one asked for is part of an elder one, the elder. */
            incident: components["schemas"]["Incident"];
            /** @description What the score is made of: impact, confidence, spread, state. */
            parts: components["schemas"]["ScorePart"][];
            /** @description Other incidents of the same vehicles at about the same time, gravest first, at most 10. */
            related: components["schemas"]["Incident"][];
            /** @description What happened along the tactics, by first event: one step a rule. */
            story: components["schemas"]["StoryStep"][];
            /** @description Vehicles that its alerts name, at most 200. */
            vehicles: string[];
        };
        /**
         * @description What kind of incident.
         * @enum {string}
         */
        IncidentKind: "story" | "wave";
        /** @description A page of incidents. */
        IncidentPage: {
            /** @description The incidents. */
            incidents: components["schemas"]["Incident"][];
            /** @description Give it as `cursor` for the next page; absent on the last one. */
            next?: string;
        };
        /**
         * @description How a list of incidents is sorted.
         * @enum {string}
         */
        IncidentSort: "score" | "newest";
        /**
         * @description A language that people are written to in.
         * @enum {string}
         */
        Language: "en" | "ja";
        /** @description One kind of loss. */
        Loss: {
            /**
             * Format: int64
             * @description How many.
             */
            count: number;
            /**
             * @description What was lost: `sensor_events`, `sensor_frames`, `sensor_excerpts`, `sensor_reports`, `undecodable`, `missing_reports`,
             *     `refused_reports`, `correlation_evictions`, `late_unjudged`, `incident_keys`.
             */
            kind: string;
            /** @description Since when. */
            since: components["schemas"]["Time"];
        };
        /** @description Who is signed in. */
        Me: {
            /** @description Whose fleet they see. */
            tenant: string;
            /** @description Name of the person. */
            user: string;
        };
        /** @description Fleet health of one model. */
        ModelHealth: {
            /**
             * Format: int64
             * @description Open and acknowledged alerts of its vehicles.
             */
            alerts_open: number;
            /** @description Model name, as given at enrolment. */
            model: string;
            /**
             * Format: int64
             * @description Those heard of lately.
             */
            reporting: number;
            /**
             * Format: int64
             * @description Enrolled vehicles.
             */
            vehicles: number;
        };
        /** @description Events that a rule did not judge. */
        NotJudged: {
            /** @description The rule that was too costly: this one, or one that it counts. */
            cause: string;
            /**
             * Format: int64
             * @description What that cost an event, in nanoseconds.
             */
            cost_ns: number;
            /**
             * Format: int64
             * @description How many.
             */
            events: number;
            /** @description When the first of them was received. */
            first: components["schemas"]["Time"];
            /** @description When the last of them was received. */
            last: components["schemas"]["Time"];
        };
        /** @description How many findings wait for somebody. */
        OpenFindings: {
            /** @description By severity; `informational` has those whose severity nobody says. */
            by_severity: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description How many of them are known to be exploited.
             */
            exploited: number;
        };
        /** @description The state of the tenant's fleet at a glance. */
        Overview: {
            /** @description Open and acknowledged alerts. */
            alerts_open: components["schemas"]["AlertCounts"];
            /**
             * Format: double
             * @description Mean of the last 10 s.
             */
            events_per_second: number;
            /** @description Who reports and who does not. */
            fleet: components["schemas"]["FleetHealth"];
            /** @description Open and acknowledged incidents. */
            incidents_open: components["schemas"]["AlertCounts"];
            /** @description What was lost, and where. */
            losses: components["schemas"]["Loss"][];
            /** @description What needs a person's hand on the server itself; empty when all is well. */
            problems: components["schemas"]["ServerProblem"][];
            /** @description The last 15 minutes in steps of 5 s, oldest first, by receive time; steps without anything are present. */
            series: components["schemas"]["RatePoint"][];
            /** @description The server's clock. */
            server_time: components["schemas"]["Time"];
            /** @description Since the data directory exists. */
            totals: components["schemas"]["Totals"];
            /** @description The evidence log. */
            vault: components["schemas"]["VaultStatus"];
        };
        /** @description Somebody in charge of products or components. */
        Owner: {
            /** @description Where they are written to; it names one person. */
            email: string;
            /** @description 64 hexadecimal digits; not needed to add somebody. */
            id?: string;
            /** @description In which language. */
            language?: components["schemas"]["Language"];
            /** @description Their name. */
            name: string;
            /** @description Who is told if they do not answer. */
            next?: string;
            /** @description Their teams. */
            teams?: string[];
        };
        /** @description People in charge, and of which components. */
        OwnerList: {
            /** @description The people, by name. */
            people: components["schemas"]["Owner"][];
            /** @description The routes; the longest that fits a component holds. */
            routes: components["schemas"]["Route"][];
        };
        /** @description Why a rule rests. */
        Pause: {
            /** @description The rule that was too costly: this one, or one that it counts. */
            cause: string;
            /**
             * Format: int64
             * @description What that cost an event, in nanoseconds.
             */
            cost_ns: number;
            /** @description Since when. */
            since: components["schemas"]["Time"];
            until?: components["schemas"]["Time"];
        };
        /** @description How often a rule was right, of the alerts that people closed. Versions of a rule are not told apart. */
        Precision: {
            /**
             * Format: int64
             * @description Right, but expected or allowed: counts for neither.
             */
            benign: number;
            /**
             * Format: int64
             * @description False positives.
             */
            false_positive: number;
            /**
             * Format: int64
             * @description Nobody can tell: counts for neither.
             */
            insufficient_data: number;
            /**
             * Format: int64
             * @description True and false positives together.
             */
            n: number;
            /**
             * Format: int64
             * @description True positives.
             */
            true_positive: number;
            /**
             * Format: double
             * @description True positives over `n`; absent if `n` is 0.
             */
            value?: number;
        };
        /** @description An error (RFC 9457). */
        Problem: {
            /** @description What exactly is wrong. */
            detail: string;
            /** @description Names this occurrence in the server's log. */
            error_id: string;
            /** @description What to do about it. */
            next_step: string;
            /**
             * Format: int32
             * @description HTTP status.
             */
            status: number;
            /** @description The kind of problem in words. */
            title: string;
            /** @description A stable name of the kind of problem, relative to the API: `/problems/not-found`. */
            type: string;
        };
        /** @description A product. */
        Product: {
            /** @description 64 hexadecimal digits. */
            id: string;
            /** @description What kind. */
            kind: components["schemas"]["ProductKind"];
            /** @description The product line that it belongs to; empty if none. */
            line: string;
            /** @description Vehicle models that have it. */
            models: string[];
            /** @description Its name. */
            name: string;
            /** @description The newest one. */
            newest?: string;
            /** @description What waits for somebody, over all versions. */
            open: components["schemas"]["OpenFindings"];
            /** @description Who is in charge. */
            owner?: string;
            /**
             * Format: int64
             * @description Vehicles that run any of its versions.
             */
            vehicles: number;
            /**
             * Format: int64
             * @description How many versions it has.
             */
            versions: number;
        };
        /** @description A product with its versions. */
        ProductDetail: {
            /** @description The product. */
            product: components["schemas"]["Product"];
            /** @description Its versions, the newest first. */
            versions: components["schemas"]["ProductVersion"][];
        };
        /**
         * @description What kind of product.
         * @enum {string}
         */
        ProductKind: "vehicle_line" | "ecu" | "software";
        /** @description The portfolio. */
        ProductList: {
            /**
             * Format: int64
             * @description How many segments of advisories are known; 0: products are matched with nothing.
             */
            advisory_segments: number;
            /** @description The products, by name. */
            products: components["schemas"]["Product"][];
        };
        /** @description A version of a product. */
        ProductVersion: {
            /** @description When it was added. */
            added_time: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Components.
             */
            components: number;
            /** @description The SBOM's format. */
            format: string;
            /** @description 64 hexadecimal digits. */
            id: string;
            matched_time?: components["schemas"]["Time"];
            /** @description What waits for somebody. */
            open: components["schemas"]["OpenFindings"];
            /** @description The product's id. */
            product: string;
            /** @description SHA-256 of its SBOM; absent before the first. */
            sbom?: string;
            /**
             * Format: int64
             * @description Components that nothing is known of.
             */
            unidentified: number;
            /**
             * Format: int64
             * @description Components without a version: no range could be compared.
             */
            unversioned: number;
            /**
             * Format: int64
             * @description Vehicles that run it.
             */
            vehicles: number;
            /** @description The version. */
            version: string;
        };
        /** @description RFC 6962 proof of inclusion. */
        Proof: {
            /** @description The signed note over this root. */
            checkpoint: string;
            /** @description Sibling hashes from leaf to root, hexadecimal. */
            hashes: string[];
            /** @description Leaf hash, hexadecimal. */
            leaf: string;
            /** @description Root hash, hexadecimal. */
            root: string;
            /**
             * Format: int64
             * @description Records under the root.
             */
            tree_size: number;
        };
        /** @description A question in SQL. */
        Query: {
            /** @description Ask the tables as they were: a version of the table, or an RFC 3339 time. They are kept so for some hours. */
            at?: string;
            /** @description The most rows wanted; 1000 if absent, at most 100000. */
            limit?: number;
            /** @description One SELECT over the tables events, alerts and vehicle_state. */
            sql: string;
        };
        /** @description The rows that answer a question. */
        QueryAnswer: {
            /** @description Its columns, in order. */
            columns: components["schemas"]["QueryColumn"][];
            /** @description Its rows: an object with a value for each column. Bytes are hexadecimal. */
            rows: Record<string, never>[];
            /**
             * Format: double
             * @description How long it took, in milliseconds.
             */
            took_ms: number;
            /** @description Whether there are more rows than were wanted. */
            truncated: boolean;
        };
        /** @description A column of an answer. */
        QueryColumn: {
            /** @description Its name. */
            name: string;
            /** @description Its type, as Arrow names it. */
            type: string;
        };
        /** @description One step of the series. */
        RatePoint: {
            /**
             * Format: int64
             * @description Security events received in it.
             */
            events: number;
            /**
             * Format: int64
             * @description Reports received in it.
             */
            reports: number;
            /** @description Start of the step. */
            time: components["schemas"]["Time"];
        };
        /** @description Header of a report. */
        ReportHeader: {
            /**
             * Format: int64
             * @description Boot counter of the sensor.
             */
            boot: number;
            /**
             * Format: int32
             * @description How far the vehicle's clock may be off, µs.
             */
            clock_uncertainty_us: number;
            /** @description Event time of the first entry, by the vehicle's clock. */
            first: components["schemas"]["Time"];
            /** @description Event time of the last entry, by the vehicle's clock. */
            last: components["schemas"]["Time"];
            /** @description What the sensor lost before this report. */
            losses: components["schemas"]["ReportLosses"];
            /** @description SHA-256 of the previous signed report, hexadecimal. */
            previous: string;
            /**
             * Format: int64
             * @description Number of the report in its boot.
             */
            sequence: number;
        };
        /** @description Losses as a report's header counts them. */
        ReportLosses: {
            /**
             * Format: int64
             * @description Security events.
             */
            events: number;
            /**
             * Format: int64
             * @description Frame excerpts.
             */
            excerpts: number;
            /**
             * Format: int64
             * @description Frames not looked at.
             */
            frames: number;
            /**
             * Format: int64
             * @description Reports.
             */
            reports: number;
        };
        /** @description Who is in charge of components. */
        Route: {
            /** @description Who; absent takes the route back. */
            owner?: string;
            /** @description The beginning of their package URLs: `pkg:deb/debian/openssl`. Empty: whatever nobody else is in charge of. */
            pattern: string;
        };
        /** @description One rule with what explains it. */
        RuleDetail: {
            /** @description What it looks for. */
            description: string;
            /** @description The exceptions that narrow it. */
            exceptions: components["schemas"]["ExceptionView"][];
            /** @description Known reasons for a false alarm. */
            falsepositives: string[];
            /** @description What it needs, a sentence each. */
            needs: string[];
            /** @description What it did not judge in these days, the newest first. */
            not_judged: components["schemas"]["NotJudged"][];
            /** @description The rule. */
            rule: components["schemas"]["RuleSummary"];
            /** @description What would make it slow, a sentence each. */
            slow: string[];
            /** @description Its YAML text. */
            source: string;
            /** @description The files with its tests. */
            tests: components["schemas"]["TestFile"][];
            /** @description What to do when it fires. */
            what_to_do: components["schemas"]["Text"];
        };
        /** @description The rules that are active. */
        RuleList: {
            /**
             * Format: int64
             * @description What a rule may cost, in nanoseconds of judging an event.
             */
            budget_ns: number;
            /**
             * Format: int32
             * @description So many days back alerts, hidden matches and pauses are counted.
             */
            days: number;
            /** @description The filters that narrow rules. */
            exceptions: components["schemas"]["ExceptionView"][];
            /** @description All rules and correlations, in the order of their files. */
            rules: components["schemas"]["RuleSummary"][];
        };
        /** @description What one rule found. */
        RuleOutcome: {
            /**
             * Format: int64
             * @description Alerts that it would have raised.
             */
            alerts: number;
            /**
             * Format: int64
             * @description Events beyond the alerts that a hunt can hold: the other numbers are too low by what they would be.
             */
            beyond: number;
            /**
             * Format: int64
             * @description What it costs alone, in nanoseconds an event; absent if nothing was read.
             */
            cost_ns?: number;
            /**
             * Format: int64
             * @description Events that its alerts count.
             */
            events: number;
            /**
             * Format: int64
             * @description Alerts that were raised then and would not be.
             */
            lost: number;
            /**
             * Format: int64
             * @description Of those, the ones that were not raised then.
             */
            new: number;
            /** @description Its id. */
            rule: string;
            /** @description Its title. */
            title: string;
            /** @description The first of its new alerts, at most 20. */
            told: components["schemas"]["HuntAlert"][];
            /**
             * Format: int64
             * @description Vehicles that its alerts name.
             */
            vehicles: number;
        };
        /** @description A rule or a correlation. */
        RuleSummary: {
            /** @description Whether its matches are alerts; if not, a correlation counts them. */
            alerts: boolean;
            /**
             * Format: int64
             * @description Alerts that were raised in these days, but for those of the shadow.
             */
            alerts_raised: number;
            /**
             * Format: int64
             * @description Alerts that were kept in the shadow in these days.
             */
            alerts_shadow: number;
            /** @description Whether it counts what other rules match. */
            correlation: boolean;
            cost?: components["schemas"]["Cost"];
            /** @description SHA-256 over what it detects: its version. */
            digest: string;
            /**
             * Format: int64
             * @description Events of these days that it did not judge.
             */
            events_not_judged: number;
            /** @description Ids of the exceptions that narrow it. */
            exceptions: string[];
            /** @description Its id. */
            id: string;
            last_raised?: components["schemas"]["Time"];
            /** @description Its level. */
            level: components["schemas"]["SeverityName"];
            /** @description Who answers for it. */
            owner?: string;
            /** @description The file it came from. */
            path: string;
            paused?: components["schemas"]["Pause"];
            /** @description What its alerts of these days turned out to be. */
            precision: components["schemas"]["Precision"];
            /** @description Whether people hear of it. */
            stage: components["schemas"]["StageName"];
            /** @description ATT&CK tactics that its tags name. */
            tactics: string[];
            /** @description ATT&CK techniques that its tags name. */
            techniques: string[];
            /** @description One line. */
            title: components["schemas"]["Text"];
        };
        /** @description A rule, for people. */
        RuleView: {
            /** @description What it looks for. */
            description: string;
            /** @description Known reasons for a false alarm. */
            falsepositives: string[];
            /** @description UUID. */
            id: string;
            /** @description Level. */
            level: components["schemas"]["SeverityName"];
            /** @description Where the rule file lies. */
            path: string;
            /** @description The YAML text. */
            source: string;
            /** @description Sigma tags. */
            tags: string[];
            /** @description Title. */
            title: components["schemas"]["Text"];
        };
        /** @description Something in an SBOM that is not as its format says. */
        SbomAnomaly: {
            /** @description Where. */
            place: string;
            /** @description What. */
            what: string;
        };
        /** @description One of the things that are weighed. */
        ScorePart: {
            /**
             * Format: int32
             * @description The most that it can get.
             */
            most: number;
            /** @description `impact`, `confidence`, `spread`, `state`. */
            part: string;
            /**
             * Format: int32
             * @description What it got.
             */
            points: number;
            /** @description Why. */
            reasons: components["schemas"]["ScoreReason"][];
        };
        /** @description A reason and its points. */
        ScoreReason: {
            /**
             * Format: int32
             * @description Its points; less than nothing where it speaks against.
             */
            points: number;
            /** @description In words. */
            text: components["schemas"]["Text"];
        };
        /** @description Something that needs a person's hand on the server. */
        ServerProblem: {
            /** @description What is wrong. */
            detail: string;
            /** @description Stable name: `storage` (the vault takes nothing), `judge`, `apply`, `flush`, `incidents` (a step of the pipeline waits). */
            kind: string;
            /** @description What to do. */
            next_step: string;
            /** @description Since when. */
            since: components["schemas"]["Time"];
        };
        /** @description What is said of a product. Its name tells whether it is a new one. */
        SetProduct: {
            /** @description What kind. */
            kind: components["schemas"]["ProductKind"];
            /** @description The product line that it belongs to: decisions may hold for a line. */
            line?: string;
            /** @description Vehicle models that have it. */
            models?: string[];
            /** @description Its name. */
            name: string;
            /** @description Who is in charge. */
            owner?: string;
        };
        /** @description The wish to change an alert's status. */
        SetStatus: {
            disposition?: components["schemas"]["Disposition"];
            /** @description Why; at most 2,000 characters. */
            note?: string;
            /** @description The new status. */
            status: components["schemas"]["AlertStatus"];
        };
        /** @description What is said of a version. */
        SetVersion: {
            /**
             * Format: int32
             * @description Vehicles that run it.
             */
            vehicles?: number;
            /** @description The version. */
            version: string;
        };
        /**
         * @description How bad it may be.
         * @enum {string}
         */
        SeverityName: "informational" | "low" | "medium" | "high" | "critical";
        /** @description Proof that one may sign in. */
        SignIn: {
            /** @description The one-time token of the link that the server printed. */
            token: string;
        };
        /**
         * @description What became of a signature check.
         * @enum {string}
         */
        SignatureState: "valid" | "invalid" | "not_applicable";
        /**
         * @description Whether people hear of what a rule finds.
         * @enum {string}
         */
        StageName: "live" | "shadow";
        /** @description What the vehicle was doing. */
        StateSample: {
            /**
             * Format: double
             * @description VSS `Vehicle.Chassis.Accelerator.PedalPosition`.
             */
            accelerator_percent?: number;
            /** @description Whether the brake pedal is pressed. */
            brake_pressed?: boolean;
            /** @description `park`, `reverse`, `neutral` or `drive`. */
            gear?: string;
            /**
             * Format: double
             * @description VSS `Vehicle.Speed`.
             */
            speed_kmh?: number;
            /** @description When, by the vehicle's clock. */
            time: components["schemas"]["Time"];
        };
        /** @description A change of an alert's status. */
        StatusChange: {
            disposition?: components["schemas"]["Disposition"];
            /** @description Why. */
            note?: string;
            /** @description To what. */
            status: components["schemas"]["AlertStatus"];
            /** @description When. */
            time: components["schemas"]["Time"];
            /** @description By whom. */
            user: string;
        };
        /** @description What one rule saw of an incident. */
        StoryStep: {
            /**
             * Format: int64
             * @description How many of its alerts.
             */
            alert_count: number;
            /** @description Event time of its first event. */
            first_time: components["schemas"]["Time"];
            /** @description Event time of its last event. */
            last_time: components["schemas"]["Time"];
            /** @description UUID of the rule. */
            rule_id: string;
            /** @description Level of the rule. */
            severity: components["schemas"]["SeverityName"];
            /** @description The tactic that it serves, as ATT&CK writes it in data: `lateral-movement`; absent if the rule names no technique. */
            tactic?: string;
            /** @description ATT&CK technique. */
            technique?: string;
            /** @description Title of the rule. */
            title: components["schemas"]["Text"];
        };
        /** @description A file with tests of a rule. */
        TestFile: {
            /** @description Where it lies. */
            path: string;
            /** @description The YAML text. */
            source: string;
        };
        /** @description A text in the languages of the console. */
        Text: {
            /** @description English. */
            en: string;
            /** @description Japanese. */
            ja: string;
        };
        /** @description Data of the stream's `tick`, once a second. */
        Tick: {
            /** @description Open and acknowledged alerts. */
            alerts_open: components["schemas"]["AlertCounts"];
            /**
             * Format: double
             * @description Mean of the last 10 s.
             */
            events_per_second: number;
            /**
             * Format: int64
             * @description Vehicles heard of lately.
             */
            reporting: number;
            /** @description The server's clock. */
            server_time: components["schemas"]["Time"];
        };
        /**
         * Format: date-time
         * @description RFC 3339, UTC, microseconds
         */
        Time: string;
        /** @description Security events over vehicle state. */
        Timeline: {
            /** @description Events, oldest first. */
            events: components["schemas"]["Event"][];
            /** @description Start, included. */
            from: components["schemas"]["Time"];
            /** @description State samples, oldest first. */
            states: components["schemas"]["StateSample"][];
            /** @description End, not included. */
            to: components["schemas"]["Time"];
            /** @description Whether the limit cut something off: ask for a shorter time. */
            truncated: boolean;
        };
        /** @description Counts since the beginning. */
        Totals: {
            /**
             * Format: int64
             * @description Security events.
             */
            events: number;
            /**
             * Format: int64
             * @description Records in the vault (all tenants: it is one log).
             */
            evidence_records: number;
            /**
             * Format: int64
             * @description Reports.
             */
            reports: number;
        };
        /** @description A component that nothing is known of. */
        Unidentified: {
            /** @description Its name. */
            name: string;
            /** @description What was tried in vain. */
            tried: string[];
            /** @description Its version. */
            version?: string;
        };
        /** @description The evidence log. */
        VaultStatus: {
            checkpoint_time?: components["schemas"]["Time"];
            /** @description Name of the log in its checkpoints. */
            origin: string;
            /**
             * Format: int32
             * @description In how many partitions: a record's position is its number in its partition, with the partition's number above 48 bits.
             */
            partitions: number;
            /**
             * Format: int64
             * @description Records.
             */
            size: number;
        };
        /** @description One vehicle. */
        Vehicle: {
            /**
             * Format: int64
             * @description Open and acknowledged alerts.
             */
            alerts_open: number;
            /**
             * Format: int64
             * @description Security events received in the last 24 hours.
             */
            events_24h: number;
            last_seen?: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Everything its sensors say they lost, and reports that never came.
             */
            losses: number;
            /** @description Model, as given at enrolment. */
            model: string;
            /** @description Its sensors. */
            sensors: string[];
            /** @description Whether it is heard of. */
            state: components["schemas"]["VehicleHealth"];
            /** @description Its pseudonym. */
            vehicle: string;
        };
        /** @description One vehicle with its devices. */
        VehicleDetail: components["schemas"]["Vehicle"] & {
            /** @description Its enrolled sensors. */
            devices: components["schemas"]["Device"][];
        };
        /**
         * @description Whether a vehicle is heard of.
         * @enum {string}
         */
        VehicleHealth: "reporting" | "silent" | "never";
        /** @description All vehicles of the tenant. */
        VehicleList: {
            /** @description By name; at most 10,000. */
            vehicles: components["schemas"]["Vehicle"][];
        };
        /** @description A version with what is known of its SBOM. */
        VersionDetail: {
            /** @description What is wrong with its SBOM. */
            anomalies: components["schemas"]["SbomAnomaly"][];
            /** @description The product. */
            product: components["schemas"]["Product"];
            /** @description Components that nothing is known of, at most 500. */
            unidentified: components["schemas"]["Unidentified"][];
            /** @description The version. */
            version: components["schemas"]["ProductVersion"];
        };
        /** @description A product version by name. */
        VersionName: {
            /** @description The version's id. */
            id: string;
            /** @description The product's id. */
            product: string;
            /** @description The product's name. */
            product_name: string;
            /**
             * Format: int64
             * @description Vehicles that run it.
             */
            vehicles: number;
            /** @description The version. */
            version: string;
        };
        /**
         * @description A format of VEX.
         * @enum {string}
         */
        VexFormat: "openvex" | "csaf" | "cyclonedx" | "spdx";
        /**
         * @description How a product stands to a vulnerability, in the words of OpenVEX.
         * @enum {string}
         */
        VexStatus: "affected" | "not_affected" | "fixed" | "under_investigation";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    advisory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description CVE or other id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The vulnerability */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdvisoryDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    alerts: {
        parameters: {
            query?: {
                /** @description Only of this status. */
                status?: components["schemas"]["AlertStatus"];
                /** @description Only of this severity. */
                severity?: components["schemas"]["SeverityName"];
                /** @description Only about this vehicle, or with an event of it. */
                vehicle?: string;
                /** @description Only of this rule. */
                rule?: string;
                /** @description Of rules in this stage; live if absent. */
                stage?: components["schemas"]["StageName"];
                /** @description How many, 1 to 500; 50 if absent. */
                limit?: number;
                /** @description `next` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of alerts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertPage"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    alert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Alert */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The alert */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    alert_frames: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Alert */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The frames */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertFrames"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_alert_status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Alert */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetStatus"];
            };
        };
        responses: {
            /** @description The alert as it now stands */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alert"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    catalogue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The event catalogue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CatalogueView"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    components: {
        parameters: {
            query?: {
                /** @description The beginning of a package URL: `pkg:deb/debian/openssl`. */
                purl?: string;
                /** @description A name. */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The components */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComponentList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decisions: {
        parameters: {
            query?: {
                /** @description Only on this vulnerability, by the id that findings have. */
                vulnerability?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The decisions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DecisionList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Decide"];
            };
        };
        responses: {
            /** @description The finding as it now stands */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    undo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Decision */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Undone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    evidence_reads: {
        parameters: {
            query?: {
                /** @description Look before this position in the vault; at its end if not said */
                before?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The reads of a stretch of the vault */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EvidenceReads"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    evidence: {
        parameters: {
            query?: never;
            header?: {
                /** @description Why it is read; stands in the record of the read */
                "yagura-reason"?: string;
            };
            path: {
                /** @description Position in the vault */
                position: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The record */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Evidence"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    evidence_raw: {
        parameters: {
            query?: never;
            header?: {
                /** @description Why it is read; stands in the record of the read */
                "yagura-reason"?: string;
            };
            path: {
                /** @description Position in the vault */
                position: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    findings: {
        parameters: {
            query?: {
                /** @description Only of this product. */
                product?: string;
                /** @description Only of this version of a product, by its id. */
                version?: string;
                /** @description Only of this vulnerability, by any of its ids. */
                vulnerability?: string;
                /** @description Only in this state; all but those that are gone if absent. */
                state?: components["schemas"]["FindingStateName"];
                /** @description Only at least so severe. */
                severity_min?: components["schemas"]["SeverityName"];
                /** @description Only those known to be exploited. */
                exploited?: boolean;
                /** @description How many, 1 to 500; 50 if absent. */
                limit?: number;
                /** @description `next` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of findings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingPage"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changes: {
        parameters: {
            query?: {
                /** @description RFC 3339; yesterday at this time if absent. */
                since?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What changed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingEventList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    finding: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Finding */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The finding */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hunts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The hunts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hunts"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    begin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HuntRequest"];
            };
        };
        responses: {
            /** @description Begun */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hunt"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hunt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its number */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The hunt */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hunt"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stop: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its number */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The hunt */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hunt"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    incidents: {
        parameters: {
            query?: {
                /** @description Only of this status. */
                status?: components["schemas"]["AlertStatus"];
                /** @description Only of this severity. */
                severity?: components["schemas"]["SeverityName"];
                /** @description Only of at least this score, 0 to 100. */
                score_min?: number;
                /** @description Only with an alert about this vehicle. */
                vehicle?: string;
                /** @description Sorted how; by score if absent. */
                sort?: components["schemas"]["IncidentSort"];
                /** @description How many, 1 to 500; 50 if absent. */
                limit?: number;
                /** @description `next` of the page before, asked for with the same `sort`. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of incidents */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentPage"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    one: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Incident */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The incident, or the elder one that it is part of now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_incident_status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Incident */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetStatus"];
            };
        };
        responses: {
            /** @description The incident as it now stands */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Incident"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The fleet at a glance */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    people: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The people and routes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnerList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_person: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Owner"];
            };
        };
        responses: {
            /** @description The person as they now are */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Owner"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_route: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Route"];
            };
        };
        responses: {
            /** @description The route as it now is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    products: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The products */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_product: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetProduct"];
            };
        };
        responses: {
            /** @description The product as it now is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    product: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Product */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The product */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProductDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_version: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Product */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetVersion"];
            };
        };
        responses: {
            /** @description The version as it now is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    query: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Query"];
            };
        };
        responses: {
            /** @description The rows; as JSON, or by Accept as text/csv or application/vnd.apache.arrow.stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueryAnswer"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rules: {
        parameters: {
            query?: {
                /** @description So many days back, 1 to 366; 30 if absent. */
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rule: {
        parameters: {
            query?: {
                /** @description So many days back, 1 to 366; 30 if absent. */
                days?: number;
            };
            header?: never;
            path: {
                /** @description Rule */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rule */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Signed in: the session is in the cookie `yagura_session` */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stream: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `event: alert` with an Alert, `event: incident` with an Incident, `event: tick` with a Tick each second, `event: lagged` with {"missed": n} when this reader was too slow */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    vehicles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All vehicles */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VehicleList"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    vehicle: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Vehicle */
                vehicle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The vehicle */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VehicleDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    timeline: {
        parameters: {
            query?: {
                /** @description Start, included; RFC 3339. 15 minutes before `to` if absent. */
                from?: components["schemas"]["Time"];
                /** @description End, not included; RFC 3339. Now if absent. */
                to?: components["schemas"]["Time"];
            };
            header?: never;
            path: {
                /** @description Vehicle */
                vehicle: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The time line */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Timeline"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    version: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Version of a product */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The version */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_sbom: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Version of a product */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            /** @description The version with its findings counted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionDetail"];
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    vex: {
        parameters: {
            query: {
                /** @description The format. */
                format: components["schemas"]["VexFormat"];
            };
            header?: never;
            path: {
                /** @description Version of a product */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Refused */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
