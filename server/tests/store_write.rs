//! The group-committing writer (D-33).

use std::sync::Arc;

use doorward_store::{Store, StoreError, transaction};
use futures_util::future::join_all;
use sqlx::Row;

use crate::support::database;

async fn store(folder: &std::path::Path) -> Store {
    let store = database::open(folder).await;
    run(&store, "create table things (id bigint not null primary key, filler text)").await.unwrap();
    store
}

async fn run(store: &Store, sql: &'static str) -> Result<(), StoreError> {
    store.write(transaction!(|tx| Ok(sqlx::query(sql).execute(tx).await.map(drop)?))).await
}

async fn insert(store: &Store, id: i64) -> Result<(), StoreError> {
    let job = store.write(transaction!(|tx| {
        sqlx::query("insert into things (id) values ($1)").bind(id).execute(tx).await?;
        Ok(())
    }));
    job.await
}

async fn ids(store: &Store) -> Vec<i64> {
    let mut db = store.read().await.unwrap();
    let rows = sqlx::query("select id from things order by id").fetch_all(&mut *db).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_in_a_batch_does_not_affect_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(folder.path()).await);
    insert(&store, 500).await.unwrap();
    let jobs = (0..1000).map(|id| {
        let store = store.clone();
        tokio::spawn(async move { (id, insert(&store, id).await) })
    });
    for (id, result) in join_all(jobs).await.into_iter().map(Result::unwrap) {
        match result {
            Ok(()) => assert_ne!(id, 500),
            Err(StoreError::Conflict) => assert_eq!(id, 500),
            Err(error) => panic!("{id}: {error}"),
        }
    }
    assert_eq!(ids(&store).await, (0..1000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writes_of_a_failed_job_are_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(folder.path()).await);
    let jobs = (0..200_i64).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let job = store.write(transaction!(|tx| {
                sqlx::query("insert into things (id) values ($1)").bind(n).execute(&mut *tx).await?;
                if n % 3 == 0 {
                    return Err(StoreError::Internal("changed my mind".into()));
                }
                assert!(n % 3 != 1, "planted: a job that panics");
                Ok(())
            }));
            (n, job.await)
        })
    });
    for (n, result) in join_all(jobs).await.into_iter().map(Result::unwrap) {
        assert_eq!(result.is_ok(), n % 3 == 2, "{n}");
    }
    assert_eq!(ids(&store).await, (0..200).filter(|n| n % 3 == 2).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_begins_again_while_writes_go_on() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(folder.path()).await);
    let writers = (0..8_i64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for id in (0..300).map(|n| n * 8 + writer) {
                let job = store.write(transaction!(|tx| {
                    let insert = sqlx::query("insert into things (id, filler) values ($1, $2)");
                    insert.bind(id).bind("x".repeat(40_000)).execute(tx).await?;
                    Ok::<_, StoreError>(())
                }));
                job.await.unwrap();
            }
        })
    });
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    // 2,400 rows of 40,000 bytes.
    assert!(size("doorward.db") > 48 << 20, "{} bytes were copied", size("doorward.db"));
    assert!(size("doorward.db-wal") < 80 << 20, "{} bytes in the journal", size("doorward.db-wal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_rolled_back_by_sqlite_is_unavailable_and_the_next_one_works() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(folder.path()).await);
    let jobs = (0..300_i64).map(|id| {
        let store = store.clone();
        tokio::spawn(async move {
            let job = store.write(transaction!(|tx| {
                sqlx::query("insert into things (id) values ($1)").bind(id).execute(&mut *tx).await?;
                if id == 150 {
                    // SQLite rolls back by itself when the disk is full. The job does not report it.
                    sqlx::query("rollback").execute(tx).await?;
                }
                Ok(())
            }));
            (id, job.await)
        })
    });
    let results: Vec<(i64, Result<(), StoreError>)> =
        join_all(jobs).await.into_iter().map(Result::unwrap).collect();
    let done: Vec<i64> = results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id).collect();
    assert!(results.iter().all(|(_, result)| matches!(result, Ok(()) | Err(StoreError::Unavailable(_)))));
    assert!(!done.contains(&150));
    assert_eq!(ids(&store).await, done, "exactly the confirmed writes are stored");
    insert(&store, 1000).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_writes_still_reads_and_recovers() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store(folder.path()).await);
    insert(&store, -1).await.unwrap();
    // A limit of this connection simulates a full disk. The next connection has no limit.
    run(&store, "pragma max_page_count = 200").await.unwrap();
    let filler = "x".repeat(100_000);
    let jobs = (0..40_i64).map(|id| {
        let (store, filler) = (store.clone(), filler.clone());
        tokio::spawn(async move {
            let job = store.write(transaction!(|tx| {
                let insert =
                    sqlx::query("insert into things (id, filler) values ($1, $2)").bind(id).bind(filler);
                insert.execute(tx).await?;
                Ok(())
            }));
            (id, job.await)
        })
    });
    let mut expected = vec![-1];
    for (id, result) in join_all(jobs).await.into_iter().map(Result::unwrap) {
        match result {
            Ok(()) => expected.push(id),
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("{id}: {error}"),
        }
    }
    expected.sort_unstable();
    assert!(expected.len() < 41, "the database was never full");
    assert_eq!(ids(&store).await, expected, "exactly the confirmed writes are stored");
    insert(&store, 1000).await.unwrap();
}

#[tokio::test]
async fn the_files_of_the_database_are_for_their_owner_only() {
    if !database::is_sqlite() {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("new");
    let store = store(&inner).await;
    insert(&store, 1).await.unwrap();
    assert_eq!(std::fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&inner).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        files += 1;
    }
    assert_eq!(files, 4, "the database, its journal, the journal's index, and the journal's start mark");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    run(&store, "update _sqlx_migrations set version = 9999").await.unwrap();
    store.close().await;
    let error = Store::open(folder.path(), &database::of(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("9999") && error.contains("newer"), "{error}");
}

#[tokio::test]
async fn a_database_with_migrations_of_another_build_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    run(&store, "update _sqlx_migrations set checksum = checksum || checksum").await.unwrap();
    store.close().await;
    let settings = database::of(folder.path());
    for opened in [Store::open(folder.path(), &settings).await, Store::attach(folder.path(), &settings).await]
    {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("migration 1") && error.contains("another build"), "{error}");
    }
}

#[tokio::test]
async fn two_servers_that_start_at_once_on_a_new_database_make_the_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = database::of(folder.path());
    let opened = futures_util::future::join_all((0..4).map(|_| Store::open(folder.path(), &settings))).await;
    for store in opened {
        store.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_database_of_a_development_version_before_the_first_release_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    // Such a version kept its migrations in this table.
    run(&store, "create table migrations (number bigint not null primary key)").await.unwrap();
    store.close().await;
    let settings = database::of(folder.path());
    for opened in [Store::open(folder.path(), &settings).await, Store::attach(folder.path(), &settings).await]
    {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("before 0.1.0") && error.contains("new data folder"), "{error}");
    }
}
