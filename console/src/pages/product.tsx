// One product: its versions, the newest first, each with its SBOM and what waits for somebody.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { productQuery } from "../api/queries";
import { Page } from "../app/page";
import { useMessages, useNumber } from "../app/settings";
import { CopyLink } from "../parts/copy";
import { OpenCounts } from "../parts/open-findings";
import { Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import "../styles/product.css";

const route = getRouteApi("/shell/products/$id");

export function ProductPage() {
  const m = useMessages();
  const number = useNumber();
  const { id } = route.useParams();
  const query = useQuery(productQuery(id));
  return (
    <Page
      title={query.data?.product.name ?? m.productPage.title}
      above={<Link to="/products">{m.products.title}</Link>}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {query.data && (
        <Panel title={m.products.versions}>
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{m.productPage.version}</th>
                  <th scope="col">{m.products.open}</th>
                  <th scope="col">{m.productPage.sbom}</th>
                  <th scope="col" className="right">
                    {m.productPage.components}
                  </th>
                  <th scope="col" className="right">
                    {m.productPage.unidentified}
                  </th>
                  <th scope="col" className="right">
                    {m.products.vehicles}
                  </th>
                  <th scope="col">{m.productPage.added}</th>
                </tr>
              </thead>
              <tbody>
                {query.data.versions.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <Link to="/versions/$id" params={{ id: one.id }}>
                        {one.version}
                      </Link>
                    </td>
                    <td>
                      <OpenCounts open={one.open} />
                    </td>
                    <td>{one.sbom === undefined ? m.productPage.noSbom : one.format}</td>
                    <td className="right">{number(one.components)}</td>
                    <td className="right">{number(one.unidentified)}</td>
                    <td className="right">{number(one.vehicles)}</td>
                    <td>
                      <When time={one.added_time} as="brief" />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Panel>
      )}
    </Page>
  );
}
