/** Tables and rows of the sample's databases: enough to look around in, small enough to be there in a blink. */
export interface SampleDatabase {
  readonly name: string;
  readonly owner: string;
  /** Run as the owner. */
  readonly sql: string;
}

const shop = (customers: string) => `
  CREATE SCHEMA sales; CREATE SCHEMA inventory;
  CREATE TABLE inventory.products (sku text PRIMARY KEY, name text NOT NULL, price_cents int NOT NULL, in_stock int NOT NULL);
  INSERT INTO inventory.products SELECT 'SKU-' || lpad(n::text, 4, '0'),
    (ARRAY['Chair','Table','Lamp','Shelf','Desk','Rug'])[1 + n % 6] || ' ' || chr(65 + n % 26), 900 + (n * 737) % 40000, (n * 31) % 120
    FROM generate_series(1, 200) n;
  CREATE TABLE sales.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text NOT NULL, city text NOT NULL);
  INSERT INTO sales.customers (name, email, city) SELECT ${customers} || ' ' || n, 'person' || n || '@shop.example',
    (ARRAY['Lisbon','Oslo','Kyoto','Quito','Nairobi'])[1 + n % 5] FROM generate_series(1, 500) n;
  CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES sales.customers,
    sku text NOT NULL REFERENCES inventory.products, quantity int NOT NULL, status text NOT NULL, ordered_at timestamptz NOT NULL);
  INSERT INTO sales.orders (customer_id, sku, quantity, status, ordered_at) SELECT 1 + (n * 17) % 500,
    'SKU-' || lpad((1 + (n * 13) % 200)::text, 4, '0'), 1 + n % 4, (ARRAY['paid','packed','shipped','returned'])[1 + n % 4],
    timestamptz '2026-01-01 08:00Z' + n * interval '97 minutes' FROM generate_series(1, 2000) n;
  CREATE VIEW sales.open_orders AS SELECT * FROM sales.orders WHERE status IN ('paid', 'packed');`;

export const SAMPLE_DATABASES: readonly SampleDatabase[] = [
  { name: 'orders', owner: 'shop_owner', sql: shop("'Customer'") },
  { name: 'orders_staging', owner: 'shop_staging_owner', sql: shop("'Made-up person'") },
  {
    name: 'reports',
    owner: 'reports_owner',
    sql: `CREATE SCHEMA finance;
      CREATE TABLE finance.revenue (month date PRIMARY KEY, gross_cents bigint NOT NULL, refunds_cents bigint NOT NULL);
      INSERT INTO finance.revenue SELECT date '2024-01-01' + n * interval '1 month', 4000000 + (n * 7919 % 900) * 1000, (n * 613 % 90) * 1000
        FROM generate_series(0, 23) n;`,
  },
  {
    name: 'playground',
    owner: 'playground_owner',
    sql: `CREATE SCHEMA play; CREATE TABLE play.notes (id serial PRIMARY KEY, text text NOT NULL);
      INSERT INTO play.notes (text) VALUES ('hello'), ('this is yours to change')`,
  },
];
