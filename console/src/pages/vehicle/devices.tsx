// The sensors of a vehicle: certificate, boot and sequence of the last report, and what they say they lost.
import type { Device } from "../../api/types";
import { useMessages, useNumber } from "../../app/settings";
import { millisOf } from "../../domain/time";
import { Panel } from "../../parts/panel";
import { useNow, When } from "../../parts/when";

const SOON_MS = 14 * 86_400_000;
const LOSS_KINDS = ["events", "frames", "excerpts", "reports", "missing"] as const;

export function DevicesPanel({ devices }: { devices: Device[] }) {
  const m = useMessages();
  const titles = m.vehicle.device;
  return (
    <Panel title={m.vehicle.devices} className="devices">
      <div className="table-scroll" tabIndex={0} role="group" aria-label={m.vehicle.devices}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{titles.sensor}</th>
              <th scope="col">{titles.lastSeen}</th>
              <th scope="col" className="right">
                {titles.boot}
              </th>
              <th scope="col" className="right">
                {titles.sequence}
              </th>
              <th scope="col">{titles.losses}</th>
              <th scope="col">{titles.enrolled}</th>
              <th scope="col">{titles.expires}</th>
            </tr>
          </thead>
          <tbody>
            {devices.map((device) => (
              <DeviceLine key={device.sensor} device={device} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function DeviceLine({ device }: { device: Device }) {
  const m = useMessages();
  const number = useNumber();
  const lost = LOSS_KINDS.filter((kind) => device.losses[kind] > 0);
  return (
    <tr>
      <td className="mono">{device.sensor}</td>
      <td>{device.last_seen ? <When time={device.last_seen} as="age" /> : m.time.never}</td>
      <td className="right">{device.boot ?? m.shared.none}</td>
      <td className="right">{device.sequence === undefined ? m.shared.none : number(device.sequence)}</td>
      <td className={lost.length === 0 ? "faint" : ""}>
        {lost.length === 0
          ? m.vehicle.none
          : lost.map((kind) => `${number(device.losses[kind])} ${m.vehicle.lossKinds[kind]}`).join(", ")}
      </td>
      <td>
        <When time={device.enrolled_time} as="brief" />
      </td>
      <td>
        <When time={device.certificate_expires} as="full" /> <Expiry end={millisOf(device.certificate_expires)} />
      </td>
    </tr>
  );
}

function Expiry({ end }: { end: number }) {
  const m = useMessages();
  const now = useNow();
  if (end > now + SOON_MS) return null;
  return <strong className="warn">{end <= now ? m.vehicle.expired : m.vehicle.expiresSoon}</strong>;
}
