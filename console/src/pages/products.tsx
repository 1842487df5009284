// The portfolio: products, what waits for somebody in each, and who is in charge.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { peopleQuery, productsQuery } from "../api/queries";
import type { Product } from "../api/types";
import { Page } from "../app/page";
import { useMessages, useNumber } from "../app/settings";
import { OpenCounts } from "../parts/open-findings";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import "../styles/product.css";

export function ProductsPage() {
  const m = useMessages();
  const query = useQuery(productsQuery);
  const products = query.data?.products ?? [];
  return (
    <Page
      title={m.products.title}
      beside={query.data && <span className="count">{m.products.count(products.length)}</span>}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {query.data?.advisory_segments === 0 && <p role="status">{m.products.noAdvisories}</p>}
      {query.data && products.length === 0 && (
        <Empty title={m.products.emptyTitle}>
          <p>{m.products.empty}</p>
        </Empty>
      )}
      {products.length > 0 && <Portfolio products={products} />}
    </Page>
  );
}

function Portfolio({ products }: { products: Product[] }) {
  const m = useMessages();
  const number = useNumber();
  const people = useQuery(peopleQuery).data?.people ?? [];
  const owner = (id: string | undefined) => people.find((person) => person.id === id)?.name ?? m.products.nobody;
  return (
    <Panel title={m.products.title}>
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{m.products.product}</th>
              <th scope="col">{m.products.kind}</th>
              <th scope="col">{m.products.line}</th>
              <th scope="col">{m.products.newest}</th>
              <th scope="col">{m.products.open}</th>
              <th scope="col" className="right">
                {m.products.vehicles}
              </th>
              <th scope="col">{m.products.owner}</th>
            </tr>
          </thead>
          <tbody>
            {products.map((one) => (
              <tr key={one.id}>
                <td>
                  <Link to="/products/$id" params={{ id: one.id }}>
                    {one.name}
                  </Link>
                </td>
                <td>{m.products.kinds[one.kind]}</td>
                <td>{one.line}</td>
                <td>{one.newest}</td>
                <td>
                  <OpenCounts open={one.open} />
                </td>
                <td className="right">{number(one.vehicles)}</td>
                <td>{owner(one.owner)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
